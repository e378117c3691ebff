"""Another dish in one line's place: judged with the whole tray, written once, and the old label is dead."""

from uuid import UUID

import pytest

from dusangire.diets import service as diets
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, execute, fetch_value
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.menu import queries as menu
from dusangire.menu import service as menu_service
from dusangire.notify.queries import inbox
from dusangire.orders import jobs, queries, service
from dusangire.orders.queries import OldLabel, Ticket
from dusangire.orders.rules import Status, WhyChanged, label_of
from dusangire.orders.service import Substitution
from tests.kitchen.conftest import Bedside, Tray, _wired, bedside, cook, tray
from tests.make import Make

__all__ = ["_wired", "bedside", "cook", "tray"]


def line_of(ticket: Ticket, dish: str) -> UUID:
    return next(line.id for line in ticket.lines if line.dish_code == dish)


async def swapped(didier: Actor, ticket: Ticket, was: str, dish: str) -> Ticket:
    with acting_as(didier):
        await service.substitute(didier, ticket.id, Substitution(line_of(ticket, was), dish, WhyChanged.SOLD_OUT))
        return await queries.ticket(didier, ticket.id)


@pytest.mark.req("E16", "E8")
@pytest.mark.parametrize("status", [Status.CONFIRMED, Status.PREPARING])
async def test_a_substitution_takes_the_place_and_keeps_the_price(
    bedside: Bedside, tray: Tray, didier: Actor, status: Status
) -> None:
    made = await tray("CHK-STW", "POT-BLD", status=status)
    await menu_service.set_available(didier, line_dish(made, "CHK-STW"), available=False)
    after = await swapped(didier, made, "CHK-STW", "BEF-STW")
    assert [line.dish_code for line in after.lines] == ["BEF-STW", "POT-BLD"]
    assert (after.total_minor, after.status) == (made.total_minor, status)
    assert sum(line.total.minor for line in after.lines) == made.total_minor
    assert (after.label_rev, after.label_code) == (2, f"{made.code}.2")
    assert after.tray_token != made.tray_token
    with acting_as(didier):
        (changed,) = await queries.changes(didier, [made.id])
        kept = await fetch_value(
            "SELECT count(*) FROM order_line WHERE hospital = $1 AND meal_order = $2", didier.hospital, made.id
        )
    assert (changed.was.en, changed.now.en, changed.by, changed.why) == (
        "Chicken stew", "Beef stew", "Didier Nkusi", WhyChanged.SOLD_OUT,
    )  # fmt: skip
    assert kept == 3


def line_dish(ticket: Ticket, dish: str) -> UUID:
    return next(line.dish for line in ticket.lines if line.dish_code == dish)


@pytest.mark.req("E16")
async def test_the_old_label_is_dead_and_says_so(bedside: Bedside, tray: Tray, didier: Actor) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    with acting_as(didier):
        assert (await queries.by_label(didier, made.tray_token)).id == made.id
    after = await swapped(didier, made, "CHK-STW", "BNS")
    with acting_as(didier):
        assert (await queries.by_label(didier, after.tray_token)).id == made.id
        for old in (queries.by_label(didier, made.tray_token), queries.by_label_code(didier, made.code)):
            with pytest.raises(OldLabel):
                await old
        assert (await queries.by_label_code(didier, f"{made.code}.2".lower())).id == made.id
        with pytest.raises(NotHere):
            await queries.by_label(didier, "nobody-knows-this-token")


@pytest.mark.req("E16")
async def test_without_the_new_code_the_old_label_would_still_open_the_tray(
    make: Make, bedside: Bedside, tray: Tray, didier: Actor
) -> None:
    """The negative control: the same scan, on a tray whose code did not change, is accepted."""
    made = await tray("CHK-STW", "POT-BLD")
    with acting_as(didier):
        assert (await queries.by_label_code(didier, made.code)).id == made.id


@pytest.mark.req("E8", "A7")
async def test_an_unsafe_substitute_is_refused_with_the_reason_and_nothing_changes(
    bedside: Bedside, tray: Tray, didier: Actor, bosco: Actor
) -> None:
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    made = await tray("CHK-STW", "POT-BLD")
    with acting_as(didier), pytest.raises(Refusal) as refused:
        await service.substitute(didier, made.id, Substitution(line_of(made, "CHK-STW"), "TIL", WhyChanged.SOLD_OUT))
    assert refused.value.key == "order.not_substituted"
    with acting_as(didier):
        after = await queries.ticket(didier, made.id)
        kinds = [event.kind for event in await queries.history(didier, made.id)]
    assert (after.lines, after.tray_token, after.status) == (made.lines, made.tray_token, Status.CONFIRMED)
    assert "order:substitution_refused" in kinds
    assert "order:substituted" not in kinds


@pytest.mark.req("E8", "A7")
async def test_the_negative_control_the_same_substitute_passes_without_the_allergy(
    bedside: Bedside, tray: Tray, didier: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    after = await swapped(didier, made, "CHK-STW", "TIL")
    assert [line.dish_code for line in after.lines] == ["TIL", "POT-BLD"]


@pytest.mark.req("E8")
async def test_only_dishes_that_pass_with_the_rest_of_the_tray_are_offered(
    bedside: Bedside, tray: Tray, didier: Actor, bosco: Actor
) -> None:
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    made = await tray("CHK-STW", "POT-BLD")
    with acting_as(didier):
        await menu_service.set_available(didier, (await menu.card(didier, "BNS")).id, available=False)
        offers = await queries.substitutes(didier, made.id, line_of(made, "CHK-STW"))
        cards = await menu.cards(didier)
    codes = [card.code for card in offers]
    assert codes
    assert not {"TIL", "SAM", "BNS", "CHK-STW", "POT-BLD"} & set(codes)
    assert all("fish" not in cards[code].allergens for code in codes)
    assert cards[codes[0]].category == "protein"


@pytest.mark.req("E16")
async def test_the_evidence_is_kept_and_the_next_gate_judges_anew(
    make: Make, bedside: Bedside, tray: Tray, didier: Actor, bosco: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD", status=Status.PREPARING)
    await swapped(didier, made, "CHK-STW", "TIL")
    with acting_as(didier):
        found = await fetch_value(
            "SELECT count(*) FROM safety_check WHERE hospital = $1 AND meal_order = $2 AND gate = 'fire'",
            didier.hospital,
            made.id,
        )
    assert found == 2  # the start of cooking, and the substitution
    await diets.add_allergy(bosco, bedside.id, "fish", "severe")
    with acting_as(didier):
        assert (await queries.order(didier, made.id)).status is Status.HELD


@pytest.mark.req("E16")
@pytest.mark.parametrize("status", [Status.READY, Status.OUT_FOR_DELIVERY, Status.ARRIVED])
async def test_a_tray_past_the_kitchen_is_not_substituted(
    bedside: Bedside, tray: Tray, didier: Actor, status: Status
) -> None:
    made = await tray("CHK-STW", "POT-BLD", status=status)
    with acting_as(didier), pytest.raises(Refusal) as refused:
        await service.substitute(didier, made.id, Substitution(line_of(made, "CHK-STW"), "BNS", WhyChanged.SPOILED))
    assert refused.value.key == "order.moved_on"
    with acting_as(didier):
        assert await queries.substitutes(didier, made.id, line_of(made, "CHK-STW")) == []


async def test_two_cooks_who_substitute_the_same_line_and_one_is_told(
    bedside: Bedside, tray: Tray, didier: Actor, cook: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    await swapped(didier, made, "CHK-STW", "BNS")
    with acting_as(cook), pytest.raises(Refusal) as refused:
        await service.substitute(cook, made.id, Substitution(line_of(made, "CHK-STW"), "BEF-STW", WhyChanged.SPOILED))
    assert refused.value.key == "order.line_gone"


@pytest.mark.parametrize(
    ("dish", "key"),
    [("NO-DISH", "order.no_such_dish"), ("POT-BLD", "order.on_tray_already"), ("OAT-LS", "order.not_at_this_meal")],
)
async def test_what_the_kitchen_does_not_serve_now_is_refused(
    bedside: Bedside, tray: Tray, didier: Actor, dish: str, key: str
) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    with acting_as(didier), pytest.raises(Refusal) as refused:
        await service.substitute(didier, made.id, Substitution(line_of(made, "CHK-STW"), dish, WhyChanged.SOLD_OUT))
    assert refused.value.key == key


@pytest.mark.req("E16")
async def test_the_patient_and_the_nurses_are_told_once(
    make: Make, bedside: Bedside, tray: Tray, didier: Actor, bosco: Actor
) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    await swapped(didier, made, "CHK-STW", "BNS")
    with acting_as(make.actor):
        event = next(e for e in await queries.history(didier, made.id) if e.kind == "order:substituted")
        await jobs.tell_of_substitution(make.actor, event)
        await jobs.tell_of_substitution(make.actor, event)
        told = [m.body for m in await inbox(bedside.patient) if m.kind == "order:substituted"]
        nurse = [m.body for m in await inbox(bosco) if m.kind == "order:substituted"]
    assert len(told) == len(nurse) == 1
    assert "Bean stew comes instead of Chicken stew" in told[0]
    assert made.bed_code
    assert made.bed_code in nurse[0]


async def test_replaced_lines_count_nowhere(make: Make, bedside: Bedside, tray: Tray, didier: Actor) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    was = line_dish(made, "CHK-STW")
    await swapped(didier, made, "CHK-STW", "BNS")
    with acting_as(didier):
        assert await queries.patients_with_open_dish(didier, was) == []
        (order,) = await queries.trays(didier, bedside.id, made.day, made.day)
    assert [line.dish for line in order.tray()] == ["BNS", "POT-BLD"]


async def test_the_app_cannot_forge_the_proof_of_a_substitution(bedside: Bedside, tray: Tray, didier: Actor) -> None:
    made = await tray("CHK-STW", "POT-BLD")
    with acting_as(didier), pytest.raises(Exception, match="permission denied"):
        await execute(
            "INSERT INTO order_line_change (id, hospital, meal_order, old_line, new_line, old_token, why, changed_by, txid)"
            " VALUES (gen_random_uuid(), $1, $2, $3, gen_random_uuid(), 'x', 'spoiled', $4, '1'::xid8)",
            didier.hospital, made.id, made.lines[0].id, didier.user,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "found"),
    [("L-ABCDE", ("L-ABCDE", 1)), (" l-abcde.2 ", ("L-ABCDE", 2)), ("L-ABCDE.x", ("L-ABCDE", 1)), ("", ("", 1))],
)
def test_what_is_typed_off_a_label(said: str, found: tuple[str, int]) -> None:
    assert label_of(said) == found
