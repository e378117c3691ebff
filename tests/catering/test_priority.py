"""Who is cooked for first: the golden cases of the priority window, on the kitchen's own page."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from dusangire.catering import queries
from dusangire.catering.rules import TrayStatus
from dusangire.diets import service as diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as
from dusangire.kitchen import service as kitchen
from tests.catering.test_trays import ordered
from tests.kitchen.conftest import Bedside, Tray, _wired, bedside, tray
from tests.make import Browser
from tests.unguarded import rewrite

__all__ = ["_wired", "bedside", "tray"]

Open = Callable[[Actor | None], Browser]
# The staff's break begins in so many minutes, the patient's meal in so many; may the staff tray be begun?
CASES = (
    (60, 59, False, False),
    (60, 60, False, False),
    (60, 61, False, True),
    (31, 22, False, False),
    (29, 18, False, False),
    (29, 19, False, False),
    (29, 20, False, True),
    (29, 29, False, True),
    (0, -11, False, False),
    (0, -9, False, True),
    (-15, -20, False, True),
    (60, 59, True, False),
    (29, 29, True, False),
    (29, 20, True, False),
    (-15, -20, True, False),
)


async def _begins(table: str, id_: UUID, at: datetime) -> None:
    await rewrite(
        f"UPDATE {table} SET serve_from = $2::timestamptz, serve_to = $2::timestamptz + interval '1 hour' WHERE id = $1",
        id_,
        at,
    )


async def _both_wait(bedside: Bedside, tray: Tray, staff: Actor, minutes: tuple[int, int]) -> UUID:
    """Return the staff tray; a patient's tray waits as well."""
    made, waiting, now = await ordered(staff), await tray(in_minutes=240), clock.now()
    await _begins("staff_tray", made, now + timedelta(minutes=minutes[0]))
    await _begins("meal_order", waiting.id, now + timedelta(minutes=minutes[1]))
    return made


async def _allergic(bedside: Bedside) -> None:
    with acting_as(bedside.nurse):
        await diets.add_allergy(bedside.nurse, bedside.id, code="fish", severity="severe")


@pytest.mark.req("K4")
@pytest.mark.parametrize(("break_in", "meal_in", "is_critical", "may_begin"), CASES)
async def test_a_cook_begins_a_staff_tray_only_when_no_patient_comes_first(
    bedside: Bedside,
    tray: Tray,
    bosco: Actor,
    didier: Actor,
    browser: Open,
    break_in: int,
    meal_in: int,
    is_critical: bool,
    may_begin: bool,
) -> None:
    if is_critical:
        await _allergic(bedside)
    made = await _both_wait(bedside, tray, bosco, (break_in, meal_in))
    answer = await browser(didier).post(f"/kitchen/staff/{made}/start", htmx=True)
    with acting_as(didier):
        found = (await queries.tray(didier, made)).status
    assert (found is not TrayStatus.ORDERED) is may_begin
    assert (answer.status_code < 400) is may_begin


@pytest.mark.req("K4")
async def test_without_looking_at_the_patients_the_staff_tray_is_begun_first(
    bedside: Bedside, tray: Tray, bosco: Actor, didier: Actor, browser: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the same tray of somebody with an allergy, and nobody asks for it."""

    async def nobody(actor: Actor, tray: object) -> int:
        return 0

    await _allergic(bedside)
    made = await _both_wait(bedside, tray, bosco, (29, 20))
    monkeypatch.setattr(kitchen, "patients_before", nobody)
    assert (await browser(didier).post(f"/kitchen/staff/{made}/start")).status_code == 303
    with acting_as(didier):
        assert (await queries.tray(didier, made)).status is not TrayStatus.ORDERED
