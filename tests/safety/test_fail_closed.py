"""Fail closed: whatever is missing, wrong, late or broken, no tray takes a step."""

import gc
import inspect
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from litestar import Litestar

import dusangire
from dusangire import wiring
from dusangire.diets import service as diets
from dusangire.diets.rules.prescribing import Prescription
from dusangire.kernel import clock
from dusangire.kernel.access import Role
from dusangire.kernel.db import acting_as
from dusangire.menu import queries as menu
from dusangire.orders import service as orders
from dusangire.orders.rules import Status, Verb
from dusangire.wards import queries as wards
from tests.make import Make
from tests.safety.attacks import lay
from tests.safety.faults import _ADD_ONE, _COUNT, _HOLD, AROUND, IN_ROWS, Bench, _allergy, around, restore_hospital
from tests.safety.worlds import owner

STEPS = {Verb.START: (Status.CONFIRMED, Status.PREPARING), Verb.HAND_OVER: (Status.ARRIVED, Status.DELIVERED)}
_HOME = Path(inspect.getfile(dusangire)).parent
CORE = {
    str(_HOME / name)
    for name in (
        "diets/rules/verdict.py", "diets/rules/allergy.py", "diets/rules/texture.py", "diets/rules/holds.py",
        "diets/rules/items.py", "diets/rules/orders.py", "diets/rules/conflicts.py", "diets/rules/sums.py",
        "diets/rules/limits.py", "diets/rules/overrides.py", "diets/rules/facts.py", "diets/queries/known.py",
        "orders/service/judging.py", "orders/service/moving.py",
    )
}  # fmt: skip


@pytest.fixture(scope="module")
async def bench(app: Litestar) -> AsyncIterator[Bench]:
    wiring.install()
    made = await Make._new(app)
    await made.menu()
    doctor, nurse = await made.user("Diane Mukamana", Role.DOCTOR), await made.user("Bosco Habimana", Role.NURSE)
    cook = await made.user("Didier Nkusi", Role.KITCHEN)
    with acting_as(made.actor):
        patient = (await made.patient(weight_kg=None)).patient
        assert patient
        await diets.no_known_allergies(nurse, patient)
        await diets.sign(doctor, patient, Prescription(codes=("REG",), start_at=clock.now() - timedelta(seconds=1)))
        dish = (await menu.cards(made.actor))["CHK-STW"].id
        person = await wards.person(nurse, patient)
    assert person.admission
    conn = await owner()
    day = clock.local_day(clock.now(), made.actor.zone) + timedelta(days=1)
    bed = await lay(conn, made.actor.hospital, patient, person.admission, dish, day)
    waiting, arrived = bed.trays[Status.CONFIRMED], bed.trays[Status.ARRIVED]
    there = Bench(made.actor, cook, patient, person.admission, dish, waiting, arrived, conn)
    await there.wreck(
        "DELETE FROM order_line WHERE hospital = {h} AND NOT meal_order IN ('{w}', '{r}')",
        "DELETE FROM meal_order WHERE hospital = {h} AND NOT id IN ('{w}', '{r}')",
        "INSERT INTO payment (id, hospital, meal_order, subject, method, amount_minor, state) SELECT gen_random_uuid(), {h}, id, id, 'cash', 100, 'pending' FROM meal_order WHERE hospital = {h}",
        "UPDATE meal_order SET ready_at = now() WHERE id = '{r}'",
        "UPDATE diet_order SET signed_at = now() - interval '1 day', start_at = now() - interval '1 day' WHERE patient = '{p}'",
    )
    yield there
    await conn.close()


def _tray(bench: Bench, verb: Verb) -> Any:
    return bench.waiting if verb is Verb.START else bench.arrived


async def step(bench: Bench, verb: Verb) -> BaseException | None:
    """Try one step; return what came of it."""
    try:
        await orders.advance(bench.cook, _tray(bench, verb), verb)
    except BaseException as stopped:
        return stopped
    return None


async def refused(
    bench: Bench, name: str, verb: Verb, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, BaseException | None]:
    """Return the state of the tray after a step was tried under a fault, and what was raised."""
    kept = await bench.kept()
    try:
        with acting_as(bench.actor), monkeypatch.context() as patch:
            if name in IN_ROWS:
                await bench.wreck(*IN_ROWS[name])
            async with around(name, bench, patch):
                raised = await step(bench, verb)
        return (await bench.state()).get(_tray(bench, verb), "gone"), raised
    finally:
        await restore_hospital(bench)
        await bench.put_back(kept)


@pytest.mark.req("A13")
@pytest.mark.parametrize("verb", STEPS)
@pytest.mark.parametrize("fault", [*IN_ROWS, *AROUND])
async def test_no_step_is_taken_under_a_fault(
    bench: Bench, fault: str, verb: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, raised = await refused(bench, fault, verb, monkeypatch)

    assert status in (STEPS[verb][0], Status.HELD, "gone")
    assert raised is not None


def test_there_are_enough_faults() -> None:
    assert len(IN_ROWS) + len(AROUND) >= 60


@pytest.mark.parametrize("verb", STEPS)
async def test_without_a_fault_the_step_is_taken(bench: Bench, verb: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: nothing else stops these trays."""
    assert await refused(bench, "none", verb, monkeypatch) == (STEPS[verb][1], None)


@pytest.mark.parametrize(
    "fault", ["an allergen on the plate", "a fast", "no bed", "a count too high", "a retired dish"]
)
async def test_without_both_verdicts_the_step_would_be_taken(
    bench: Bench, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: with the program's verdict and the triggers taken away, the fault goes unseen."""
    from dusangire.diets.rules.facts import verdict_of
    from tests.unguarded import unguarded

    monkeypatch.setattr("dusangire.orders.service.judging.judge", lambda *_, **__: verdict_of([]))
    async with unguarded():
        assert (await refused(bench, fault, Verb.START, monkeypatch))[0] == Status.PREPARING


class Stopped(Exception):
    """Raised where the tracer was told to."""


class Tracer:
    """Follows the core line by line; notes every line, or raises at one of them the first time it is reached."""

    def __init__(self, at: tuple[str, int] | None = None) -> None:
        self.at, self.seen, self.has_raised = at, dict[tuple[str, int], None](), False

    def __call__(self, frame: FrameType, event: str, _arg: Any) -> Any:
        if frame.f_code.co_filename not in CORE:
            return None
        return self._line if event == "call" else None

    def _line(self, frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line":
            where = frame.f_code.co_filename, frame.f_lineno
            self.seen.setdefault(where)
            if where == self.at and not self.has_raised:
                self.has_raised = True
                raise Stopped
        return self._line


@contextmanager
def traced(tracer: Tracer) -> Iterator[None]:
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        yield
    finally:
        sys.settrace(before)


def _after_commit() -> set[tuple[str, int]]:
    """The one line of the core that runs when the step has been taken already: `advance` reads the tray anew."""
    source, first = inspect.getsourcelines(orders.advance)
    where = inspect.getsourcefile(orders.advance)
    assert where
    return {
        (where, first + number)
        for number, line in enumerate(source)
        if line.strip() == "return await queries.order(actor, order_id)"
    }


@pytest.mark.req("A13")
async def test_an_exception_at_any_line_of_the_core_lets_nothing_pass(bench: Bench) -> None:
    kept, tried = await bench.kept(), set[tuple[str, int]]()
    await bench.wreck(*_RICH)
    rich = await bench.kept()
    last = _after_commit()
    assert len(last) == 1
    with acting_as(bench.actor):
        for verb, (source, target) in STEPS.items():
            await step_once(bench)
            whole = Tracer()
            with traced(whole):
                came = await step(bench, verb)
            assert came is None, getattr(came, "found", came)
            assert (await bench.state())[_tray(bench, verb)] == target
            await bench.put_back(rich)
            await step_once(bench)
            for line in [where for where in whole.seen if where not in tried and where not in last]:
                tried.add(line)
                tracer = Tracer(line)
                with traced(tracer):
                    raised = await step(bench, verb)
                if not tracer.has_raised:  # what was cached since is read on another way
                    continue
                del raised
                gc.collect(0)
                state = (await bench.state())[_tray(bench, verb)]
                assert state in (source, Status.HELD), line
                if state == Status.HELD:
                    await bench.put_back(rich)
    await bench.put_back(kept)
    print(f"an exception at each of {len(tried)} lines of the core")
    assert len(tried) >= 300


async def step_once(bench: Bench) -> None:
    """Let everything that is kept by revision be kept, as in a running program."""
    with suppress(Exception):
        await menu.dishes(bench.actor)


# A patient of whom much is known and who may eat all the same, so that the verdict has many lines to go through.
_RICH = (
    _allergy("sesame")[0], _allergy("pineapple", "intolerance")[0],
    _COUNT.format(n=2),
    _HOLD.format(start="now() - interval '30 h'", end="now() - interval '29 h'"), _ADD_ONE,
    "UPDATE diet_order SET codes = '{{CARDIAC}}', food_level = 5, drink_level = 1 WHERE patient = '{p}'",
    "UPDATE meal_order SET period = 'dinner' WHERE id = '{r}'",
    "UPDATE dish SET iddsi_achievable = '{{3,4,5,6}}' WHERE id = '{d}'",
)  # fmt: skip
