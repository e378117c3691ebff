"""Words nobody could code: settled in two taps, pressed for after a quarter of an hour, never guessed."""

from datetime import timedelta

import pytest

from dusangire import wiring
from dusangire.diets import queries, service
from dusangire.diets.rules.worklist import is_overdue
from dusangire.kernel import clock
from dusangire.kernel.db import acting_as, execute, fetch_value
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from tests.make import element

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _wired():
    wiring.install()


@pytest.fixture
async def uncoded(make, bosco, amina):
    await make.menu()
    with acting_as(make.actor):
        await service.add_allergy(bosco, amina.patient, "the brown paste of groundnuts", "severe")
    return amina


async def words_of(actor, patient):
    return (await queries.safety(actor, patient)).uncoded_text


async def test_the_words_suggest_what_they_may_mean_and_one_tap_on_how_bad_saves_it(uncoded, bosco, browser):
    nurse = browser(bosco)
    page = (await nurse.get(f"/health-profiles/{uncoded.patient}/uncoded")).text
    assert "It means: Peanuts" in page
    said = await words_of(bosco, uncoded.patient)
    answer = await nurse.post(
        f"/health-profiles/{uncoded.patient}/uncoded", {"words": said, "code": "peanuts", "severity": "severe"}
    )
    assert answer.status_code == 303
    rows = await queries.allergies(bosco, uncoded.patient)
    assert [(row.code, row.severity) for row in rows] == [("peanuts", "severe")]
    assert await words_of(bosco, uncoded.patient) is None
    assert [task.kind for task in await queries.open_tasks(bosco, uncoded.patient)] == []


async def test_each_of_several_words_is_settled_for_itself(uncoded, bosco):
    await service.add_uncoded(bosco, uncoded.patient, "the red thing")
    first = (await words_of(bosco, uncoded.patient)).split("; ")[0]
    await service.code_uncoded(bosco, uncoded.patient, first, "peanuts", "severe")
    assert await words_of(bosco, uncoded.patient) == "the red thing"
    assert [task.kind for task in await queries.open_tasks(bosco, uncoded.patient)] == ["uncoded_allergy"]
    await service.not_an_allergy(bosco, uncoded.patient, "the red thing")
    assert await queries.open_tasks(bosco, uncoded.patient) == []
    assert (await queries.safety(bosco, uncoded.patient)).allergy_status == "recorded"


async def test_words_that_mean_no_allergy_leave_a_patient_with_none_known(uncoded, bosco):
    await service.not_an_allergy(bosco, uncoded.patient, await words_of(bosco, uncoded.patient))
    known = await queries.safety(bosco, uncoded.patient)
    assert (known.uncoded_text, known.allergy_status) == (None, "none_known")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"severity": "severe"}, 422),
        ({"code": "peanuts"}, 422),
        ({"other": "something nobody knows", "severity": "severe"}, 422),
        ({"code": "peanuts", "severity": "severe", "words": "other words"}, 409),
    ],
)
async def test_a_wrong_form_comes_back_and_changes_nothing(uncoded, bosco, browser, data, status):
    said = await words_of(bosco, uncoded.patient)
    answer = await browser(bosco).post(f"/health-profiles/{uncoded.patient}/uncoded", {"words": said} | data)
    assert answer.status_code == status
    assert await words_of(bosco, uncoded.patient) == said
    assert await queries.allergies(bosco, uncoded.patient) == []


async def test_only_those_who_record_allergies_say_what_words_mean(uncoded, didier, ines, bosco, browser):
    said = await words_of(bosco, uncoded.patient)
    with pytest.raises(NoRight):
        await service.not_an_allergy(didier, uncoded.patient, said)
    assert (await browser(didier).get(f"/health-profiles/{uncoded.patient}/uncoded")).status_code == 403
    assert (await browser(bosco).get(f"/health-profiles/{ines.patient}/uncoded")).status_code == 404
    with pytest.raises(NotHere):
        await service.not_an_allergy(bosco, ines.patient, said)


async def test_the_task_closes_by_no_button(uncoded, chantal):
    task = next(one for one in await queries.open_tasks(chantal) if one.kind == "uncoded_allergy")
    with pytest.raises(Refusal, match=r"uncoded\.ends_itself"):
        await service.finish_task(chantal, task.id)


def test_an_allergy_may_wait_a_quarter_of_an_hour():
    now = clock.now()
    assert not is_overdue("uncoded_allergy", now - timedelta(minutes=14, seconds=59), now)
    assert is_overdue("uncoded_allergy", now - timedelta(minutes=15), now)
    assert not is_overdue("special_request", now - timedelta(days=2), now)


async def test_an_overdue_task_is_marked_and_doctors_and_nurses_are_told_once(
    uncoded, chantal, diane, bosco, didier, browser
):
    assert await service.press_for_overdue(chantal, clock.now()) == 0
    await execute(
        "UPDATE task SET opened_at = now() - interval '16 minutes' WHERE hospital = $1 AND kind = 'uncoded_allergy'",
        chantal.hospital,
    )
    assert await service.press_for_overdue(chantal, clock.now()) == 1
    assert await service.press_for_overdue(chantal, clock.now()) == 0
    for user, told in ((diane, 1), (bosco, 1), (didier, 0)):
        count = await fetch_value(
            "SELECT count(*) FROM message WHERE hospital = $1 AND app_user = $2 AND kind = 'task:overdue'",
            user.hospital,
            user.user,
        )
        assert count == told
    page = (await browser(chantal).get("/nutritionist/")).text
    assert "Overdue: more than 15 minutes" in element(page, "worklist")
    assert f'href="/health-profiles/{uncoded.patient}/uncoded"' in page


async def test_the_note_beside_words_that_cannot_be_coded_is_kept_with_them(make, bosco, amina, browser):
    await make.menu()
    nurse = browser(bosco)
    said = {"code": "kiwi vert", "severity": "severe", "note": "hives; in 2019"}
    answer = await nurse.post(f"/health-profiles/{amina.patient}/allergies", said)
    assert answer.headers["location"].endswith("said=uncoded")
    assert await words_of(bosco, amina.patient) == "kiwi vert (severe): hives, in 2019"
    page = (await nurse.get(f"/health-profiles/{amina.patient}/uncoded")).text
    assert page.count("hives, in 2019") >= 1
