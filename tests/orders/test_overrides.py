"""Overrides on real trays: given, seconded, used at every gate, voided, withdrawn; each with its negative control."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules.overrides import Override, State
from dusangire.kernel import clock
from dusangire.kernel.access import ROLES, Actor, Can, Role
from dusangire.kernel.db import execute, fetch_value
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.orders import queries, service
from dusangire.orders.queries import Order
from dusangire.orders.rules import Status, Verb, tickets_of
from dusangire.orders.service import Broken, Choice, Signature, Unsafe
from tests.make import PASSWORD, Make
from tests.orders.conftest import Bedside
from tests.orders.test_moving import WAY, bring_to
from tests.unguarded import rewrite

FISH = Broken("ALLERGY", "contains", "fish", "item", "", "TIL")
VEGETARIAN = Broken("VEG", "require", "vegetarian", "item", "", "TIL")
SIGNED = Signature("the patient ate it yesterday", PASSWORD)


async def held_for_fish(bedside: Bedside, bosco: Actor, severity: str = "severe") -> Order:
    """A lunch of fish, stopped by an allergy that was recorded after it was ordered."""
    order = await bedside.order("TIL")
    await diets.add_allergy(bosco, bedside.id, "fish", severity)
    return await queries.order(bosco, order.id)


async def overridden(order: Order, diane: Actor, chantal: Actor) -> UUID:
    made = await service.override_tray(diane, order.id, FISH, SIGNED)
    await diets.second_override(chantal, made, PASSWORD)
    return made


async def state_of(actor: Actor, made: UUID) -> State:
    return (await diet_queries.override(actor, made)).state(clock.now())


@pytest.mark.req("A16")
async def test_a_held_tray_goes_to_the_bed_once_two_people_override_its_allergy(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor, didier: Actor
) -> None:
    order = await held_for_fish(bedside, bosco)
    with pytest.raises(Unsafe):
        await service.release(bosco, order.id)
    made = await overridden(order, diane, chantal)
    order = await service.release(bosco, order.id)
    for verb in WAY:
        order = await service.advance(didier, order.id, verb)
    assert order.status is Status.DELIVERED
    used = await fetch_value(
        """SELECT array_agg(gate ORDER BY at) FROM safety_check
           WHERE hospital = $1 AND meal_order = $2 AND answer = 'allow' AND asks::jsonb @> $3::text::jsonb""",
        didier.hospital,
        order.id,
        f'[{{"override": "{made}", "source": "ALLERGY", "rule": "contains"}}]',
    )
    assert used == ["checkout", "fire", "plate", "dispatch", "dispatch", "handover"]


@pytest.mark.req("A16")
@pytest.mark.parametrize("gate", [Verb.RELEASE, Verb.START, Verb.PLATE, Verb.COLLECT, Verb.ARRIVE, Verb.HAND_OVER])
async def test_an_override_that_is_over_stops_the_tray_at_its_next_gate(
    bedside: Bedside,
    bosco: Actor,
    diane: Actor,
    chantal: Actor,
    didier: Actor,
    gate: Verb,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = await held_for_fish(bedside, bosco)
    await overridden(order, diane, chantal)
    if gate is not Verb.RELEASE:
        order = await service.release(bosco, order.id)
        for verb in WAY[: WAY.index(gate)]:
            order = await service.advance(didier, order.id, verb)
    real = Override.state
    monkeypatch.setattr(Override, "state", lambda self, now: real(self, now + timedelta(hours=2)))
    with pytest.raises(Unsafe) as refused:
        await service.advance(bosco, order.id, gate)
    assert refused.value.found.rule == "ALLERGY.contains.fish.item"
    assert (await queries.order(bosco, order.id)).status is Status.HELD


@pytest.mark.req("A16")
async def test_an_allergy_waits_for_a_second_person_who_is_not_the_first(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor, make: Make
) -> None:
    order = await held_for_fish(bedside, bosco)
    made = await service.override_tray(diane, order.id, FISH, SIGNED)
    assert await state_of(diane, made) is State.WAITS
    with pytest.raises(Unsafe):
        await service.release(bosco, order.id)
    tasks = [task for task in await diet_queries.open_tasks(diane) if task.kind == "override_second"]
    assert [task.link for task in tasks] == [f"/overrides/{made}"]
    as_nutritionist = Actor(diane.user, diane.hospital, Role.NUTRITIONIST, chantal.rights, name=diane.name)
    for again in (diane, as_nutritionist):
        with pytest.raises(Refusal, match=r"override\.same_person"):
            await diets.second_override(again, made, PASSWORD)
    with pytest.raises(Refusal, match=r"account\.password_wrong"):
        await diets.second_override(chantal, made, "not my password")
    with pytest.raises(NoRight):
        await diets.second_override(bosco, made, PASSWORD)
    await diets.second_override(chantal, made, PASSWORD)
    assert await state_of(diane, made) is State.COUNTS
    assert [task for task in await diet_queries.open_tasks(diane) if task.kind == "override_second"] == []
    with pytest.raises(Refusal, match=r"override\.moved_on"):
        await diets.second_override(await make.user("Third", Role.DOCTOR), made, PASSWORD)


@pytest.mark.req("A16")
async def test_without_the_seconding_check_one_person_would_let_the_tray_pass(
    bedside: Bedside, bosco: Actor, diane: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the second person: the verdict alone would allow the tray."""
    order = await held_for_fish(bedside, bosco)
    await service.override_tray(diane, order.id, FISH, SIGNED)
    assert not (await service.stopped_tray(bosco, order.id)).verdict.is_allowed
    monkeypatch.setattr(Override, "needs_second", property(lambda _self: False))
    assert (await service.stopped_tray(bosco, order.id)).verdict.is_allowed


@pytest.mark.req("A16", "A4")
@pytest.mark.parametrize(
    ("severity", "key"), [("anaphylaxis", "override.no.anaphylaxis"), ("severe", None), ("intolerance", None)]
)
async def test_anaphylaxis_is_refused_outright(
    bedside: Bedside, bosco: Actor, diane: Actor, severity: str, key: str | None
) -> None:
    order = await held_for_fish(bedside, bosco, severity)
    if key is None:
        await service.override_tray(diane, order.id, FISH, SIGNED)
    else:
        with pytest.raises(Refusal) as refused:
            await service.override_tray(diane, order.id, FISH, SIGNED)
        assert refused.value.key == key


@pytest.mark.req("A16", "A4")
async def test_nothing_by_mouth_and_what_is_not_known_are_refused_outright(
    bedside: Bedside, bosco: Actor, diane: Actor
) -> None:
    order = await bedside.order("TIL")
    await diets.hold(diane, bedside.id, "operation", clock.now())
    npo = Broken("NPO", "hold", "", "order", "", "TIL")
    with pytest.raises(Refusal) as refused:
        await service.override_tray(diane, order.id, npo, SIGNED)
    assert refused.value.key == "override.no.npo"
    await diets.add_uncoded(bosco, bedside.id, "the red thing")
    unknown = Broken("ALLERGY", "uncoded", "free_text", "order", "", "TIL")
    with pytest.raises(Refusal) as refused:
        await service.override_tray(diane, order.id, unknown, SIGNED)
    assert refused.value.key == "override.no.unknown"


@pytest.mark.req("A16")
@pytest.mark.parametrize("who", ["nurse", "cook", "carrier", "patient"])
async def test_only_doctors_and_nutritionists_override(
    bedside: Bedside, bosco: Actor, didier: Actor, esther: Actor, who: str
) -> None:
    actor = {"nurse": bosco, "cook": didier, "carrier": esther, "patient": bedside.patient}[who]
    order = await held_for_fish(bedside, bosco)
    with pytest.raises(NoRight):
        await service.override_tray(actor, order.id, FISH, SIGNED)


@pytest.mark.req("A16")
async def test_giving_asks_for_the_password_a_reason_and_a_rule_that_really_stops_the_tray(
    bedside: Bedside, bosco: Actor, diane: Actor
) -> None:
    order = await held_for_fish(bedside, bosco)
    with pytest.raises(Refusal, match=r"account\.password_wrong"):
        await service.override_tray(diane, order.id, FISH, Signature("a reason", "wrong"))
    with pytest.raises(Refusal, match=r"override\.say_why"):
        await service.override_tray(diane, order.id, FISH, Signature("  ", PASSWORD))
    with pytest.raises(Refusal, match=r"override\.gone"):
        await service.override_tray(diane, order.id, VEGETARIAN, SIGNED)
    with pytest.raises(Refusal, match=r"override\.gone"):
        await service.override_tray(diane, order.id, Broken("ALLERGY", "contains", "fish", "item", "", "RIC"), SIGNED)
    await service.override_tray(diane, order.id, FISH, SIGNED)
    with pytest.raises(Refusal, match=r"override\.already"):
        await service.override_tray(diane, order.id, FISH, SIGNED)


@pytest.mark.req("A16", "A13")
async def test_any_later_change_of_what_is_safe_voids_it_and_holds_the_tray_again(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor
) -> None:
    order = await held_for_fish(bedside, bosco)
    made = await overridden(order, diane, chantal)
    await service.release(bosco, order.id)
    await diets.add_allergy(bosco, bedside.id, "celery", "intolerance")
    assert await state_of(diane, made) is State.VOIDED
    assert (await queries.order(bosco, order.id)).status is Status.HELD
    with pytest.raises(Unsafe):
        await service.release(bosco, order.id)


@pytest.mark.req("A16", "A13")
async def test_the_voiding_test_fails_when_the_revision_is_not_compared(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: were an override not bound to its revision, it would outlive the change."""
    order = await held_for_fish(bedside, bosco)
    made = await overridden(order, diane, chantal)
    await diets.add_allergy(bosco, bedside.id, "celery", "intolerance")
    monkeypatch.setattr(Override, "state", lambda _self, _now: State.COUNTS)
    assert (await service.stopped_tray(bosco, order.id)).verdict.is_allowed
    assert await state_of(diane, made) is State.COUNTS


@pytest.mark.req("A16")
async def test_a_withdrawn_override_holds_its_tray_in_the_same_commit_and_leaves_the_others(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor, didier: Actor
) -> None:
    order = await held_for_fish(bedside, bosco)
    made = await overridden(order, diane, chantal)
    order = await service.release(bosco, order.id)
    order = await bring_to(didier, order, Status.READY)
    await diets.withdraw_override(chantal, made)
    held = await queries.order(bosco, order.id)
    assert (held.status, held.held_from) == (Status.HELD, Status.READY)
    with pytest.raises(Refusal, match=r"override\.moved_on"):
        await diets.withdraw_override(chantal, made)
    kinds = [row.kind for row in await _events(diane, bedside.id) if row.kind.startswith("override:")]
    assert kinds == ["override:given", "override:seconded", "override:withdrawn"]


async def _events(actor: Actor, patient: UUID):  # type: ignore[no-untyped-def]
    from dusangire.kernel.journal import history

    return await history(actor, f"patient:{patient}")


@pytest.mark.req("A16")
async def test_the_withdrawal_test_fails_without_the_reaction(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: without the reaction the tray stays open until its next gate, which still stops it."""
    order = await held_for_fish(bedside, bosco)
    made = await overridden(order, diane, chantal)
    await service.release(bosco, order.id)
    monkeypatch.setattr("dusangire.kernel.journal.AT_ONCE", {})
    await diets.withdraw_override(chantal, made)
    if (await queries.order(bosco, order.id)).status is Status.CONFIRMED:
        with pytest.raises(Unsafe):
            await service.advance(bosco, order.id, Verb.START)
    assert (await queries.order(bosco, order.id)).status is Status.HELD


@pytest.mark.req("A16")
async def test_a_withdrawal_and_a_gate_at_the_same_moment_never_leave_an_open_tray(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor, didier: Actor
) -> None:
    for _ in range(6):
        order = await held_for_fish(bedside, bosco)
        made = await overridden(order, diane, chantal)
        await service.release(bosco, order.id)
        await asyncio.gather(
            diets.withdraw_override(chantal, made),
            service.advance(didier, order.id, Verb.START),
            return_exceptions=True,
        )
        assert (await queries.order(bosco, order.id)).status is Status.HELD
        await service.cancel(bosco, order.id)
        row = (await diet_queries.allergies(bosco, bedside.id))[0]
        await diets.end_allergy(bosco, bedside.id, row.id, "test")
        await diets.no_known_allergies(bosco, bedside.id)


@pytest.mark.req("A16", "A12")
async def test_staff_choose_a_blocked_dish_by_override_and_the_patient_does_not(
    bedside: Bedside, chantal: Actor, bosco: Actor
) -> None:
    await bedside.diet("VEG")
    choice = Choice(bedside.id, await bedside.sitting(), "TIL")
    with pytest.raises(Refusal, match=r"order\.blocked"):
        await service.add(chantal, choice)
    await service.override_dish(chantal, choice, VEGETARIAN, SIGNED)
    with pytest.raises(Refusal, match=r"order\.blocked"):
        await service.add(bedside.patient, choice)
    await service.add(chantal, choice)
    made = await service.place(chantal, await bedside.checkout())
    assert (await queries.order(chantal, made)).status is Status.CONFIRMED
    shown = await queries.portal(chantal, bedside.id, choice.sitting.day, "dinner")
    assert shown.given == ()


@pytest.mark.req("A16", "A10")
async def test_a_sums_override_is_no_leave_for_more(bedside: Bedside, chantal: Actor) -> None:
    await bedside.diet("NA2G")
    choice = Choice(bedside.id, await bedside.sitting(), "TIL")
    with pytest.raises(Refusal, match=r"order\.blocked"):
        for _ in range(20):
            await service.add(chantal, choice)
    await one_more_is_refused(chantal, choice)


async def one_more_is_refused(chantal: Actor, choice: Choice) -> None:
    """The sum over its limit is overridden as it stands on the tray, and one more portion is refused again."""
    cart = await queries.cart(chantal, choice.patient, choice.sitting.day, choice.sitting.period)
    await execute(
        "UPDATE cart_line SET quantity = quantity + 1 WHERE hospital = $1 AND cart = $2", chantal.hospital, cart.id
    )
    stopped = await service.stopped_dish(chantal, choice)
    assert [reason.scope for reason in stopped.verdict.reasons] == ["meal"]
    await service.override_dish(chantal, choice, service.choices(stopped)[0][0], SIGNED)
    assert (await service.stopped_dish(chantal, choice)).verdict.is_allowed
    with pytest.raises(Refusal, match=r"order\.blocked"):
        await service.add(chantal, choice)


@pytest.mark.req("A16")
async def test_the_ticket_names_the_override_only_while_it_counts(
    bedside: Bedside, bosco: Actor, diane: Actor, chantal: Actor
) -> None:
    from dusangire.kernel import text

    order = await held_for_fish(bedside, bosco)
    made = await service.override_tray(diane, order.id, FISH, SIGNED)
    given = await diet_queries.open_overrides(bosco)
    assert tickets_of(given, order, clock.now()) == ()
    await diets.second_override(chantal, made, PASSWORD)
    lines = tickets_of(await diet_queries.open_overrides(bosco), order, clock.now())
    said = [text.shown(line, "en") for line in lines]
    assert len(said) == 1
    assert said[0].startswith("OVERRIDE: Contains: Fish")
    assert "by Diane + Chantal" in said[0]
    assert SIGNED.words in said[0]
    assert tickets_of(await diet_queries.open_overrides(bosco), order, clock.now() + timedelta(hours=2)) == ()


@pytest.mark.req("A16", "N7")
async def test_another_hospital_sees_no_override(bedside: Bedside, bosco: Actor, diane: Actor, make: Make) -> None:
    order = await held_for_fish(bedside, bosco)
    made = await service.override_tray(diane, order.id, FISH, SIGNED)
    other = await make.other()
    stranger = await other.user("Strange Doctor", Role.DOCTOR)
    with pytest.raises(NotHere):
        await diets.second_override(stranger, made, PASSWORD)
    with pytest.raises(NotHere):
        await service.override_tray(stranger, order.id, FISH, SIGNED)
    assert await diet_queries.open_overrides(stranger) == ()


@pytest.mark.req("A16")
async def test_the_database_keeps_its_own_rules_of_an_override(bedside: Bedside, bosco: Actor, diane: Actor) -> None:
    import asyncpg

    order = await held_for_fish(bedside, bosco)
    made = await service.override_tray(diane, order.id, FISH, SIGNED)
    for change in (
        "seconded_by = given_by, seconded_at = now()",
        "expires_at = given_at + interval '2 hours 1 second'",
        "source = 'NPO'",
        "reason = '  '",
        "reason = 'another one'",
        "dish = patient",
        "subject = 'milk'",
        f"given_by = '{bosco.user}'",
        f"seconded_by = '{bosco.user}', seconded_at = now()",
    ):
        with pytest.raises(asyncpg.PostgresError):
            await execute(f"UPDATE diet_override SET {change} WHERE hospital = $1 AND id = $2", diane.hospital, made)


@pytest.mark.req("A16")
@pytest.mark.parametrize("role", list(Role))
async def test_the_database_knows_who_may_give_an_override_as_the_program_does(make: Make, role: Role) -> None:
    sql = "SELECT dus_may_override($1, $2)"
    person = await make.user("Somebody", role)
    assert await fetch_value(sql, person.hospital, person.user) is (Can.DIET_OVERRIDE in ROLES[role])
    change = (
        "granted = '{}', revoked = '{diet_override}'"
        if Can.DIET_OVERRIDE in ROLES[role]
        else "granted = '{diet_override}'"
    )
    await rewrite(f"UPDATE membership SET {change} WHERE app_user = $1", person.user)
    assert await fetch_value(sql, person.hospital, person.user) is (Can.DIET_OVERRIDE not in ROLES[role])
    await rewrite("UPDATE membership SET ended_at = now(), revoked = '{}' WHERE app_user = $1", person.user)
    assert not await fetch_value(sql, person.hospital, person.user)
