import pytest

from dusangire import demo_lunch
from tests.served import served


async def _lunch(patients: int, lasts_s: float) -> demo_lunch.Lunch:
    with served("lunch", 8473):
        played: list[demo_lunch.Lunch] = []
        assert await demo_lunch.play("http://localhost:8473", patients, lasts_s, watch=played.append) == 0
        return played[0]


async def test_a_small_lunch_is_admitted_ordered_cooked_and_carried_over_http():
    lunch = await _lunch(8, 30)
    assert lunch.counts["ordered"] >= 6
    assert lunch.counts["handed over"] >= 1
    assert lunch.counts["allergies learned"] == lunch.counts["nothing by mouth"] == 1
    assert lunch.counts["broken pages"] == 0


@pytest.mark.long
async def test_a_lunch_hour_of_a_hundred_patients_breaks_no_page():
    lunch = await _lunch(100, 240)
    assert lunch.counts["ordered"] >= 80
    assert lunch.counts["handed over"] >= 60
    assert lunch.counts["broken pages"] == 0
