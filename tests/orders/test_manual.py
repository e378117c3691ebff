"""The diet manual in versions: a draft changes nothing, a signature changes everything in one commit, the past stays."""

import asyncio
from decimal import Decimal

import asyncpg
import pytest
from msgspec import structs

from dusangire.diets import queries as diets
from dusangire.diets import service
from dusangire.diets.rules.book import BookRule, Fault, changes, problems
from dusangire.diets.rules.book_edits import with_diet, with_rule, with_words, without_rule
from dusangire.diets.service import manual as loading
from dusangire.kernel.access import Role
from dusangire.kernel.db import execute, transaction
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.kernel.journal import AT_ONCE
from dusangire.orders import queries
from dusangire.orders import service as trays
from dusangire.orders.rules import Status
from tests.make import PASSWORD

SODIUM = ("limit", "sodium_mg", "meal")


@pytest.fixture
async def other(make):
    """A second nutritionist: who wrote a draft does not sign it alone."""
    return await make.user("Solange Uwimana", Role.NUTRITIONIST)


def tight(most="50", **changes):
    facts = {
        "rule_kind": "limit", "subject": "sodium_mg", "scope": "item", "min": None, "max": Decimal(most),
        "severity": "hard", "standing": "house", "source": "Ward round, awaiting review",
    }  # fmt: skip
    return BookRule(**(facts | changes))


async def drafted(by, *edits):
    """A draft with some edits; returns its id and revision."""
    made = await service.start_draft(by)
    revision = 1
    for edit in edits:
        revision = await service.change_draft(by, made, revision, edit, what="REG")
    return made, revision


def add_rule(rule=None, code="REG"):
    return lambda book: with_rule(book, code, rule or tight())


@pytest.mark.req("A22")
async def test_a_changed_rule_is_inactive_until_a_nutritionist_signs_it(bedside, chantal, other):
    tray = await bedside.order("BEF-STW", "RICE")
    draft, revision = await drafted(chantal, add_rule())
    assert [rule for rule in (await diets.manual(chantal)).diets["REG"].rules if rule.scope == "item"] == []
    assert (await queries.order(chantal, tray.id)).status is Status.CONFIRMED

    made = await service.sign_draft(other, draft, revision, PASSWORD)

    assert [rule.most for rule in (await diets.manual(chantal)).diets["REG"].rules if rule.scope == "item"] == [50]
    assert made == await diets.manual_revision(chantal)
    assert (await queries.order(chantal, tray.id)).status is Status.HELD


@pytest.mark.req("A22")
async def test_without_the_judging_again_the_tray_would_stay_as_it_was(bedside, chantal, other, monkeypatch):
    """Negative control: it is the reaction in the same commit that holds the tray, and nothing else."""
    tray = await bedside.order("BEF-STW", "RICE")
    draft, revision = await drafted(chantal, add_rule())
    monkeypatch.setitem(AT_ONCE, "manual:signed", ())
    await service.sign_draft(other, draft, revision, PASSWORD)
    assert (await queries.order(chantal, tray.id)).status is Status.CONFIRMED


@pytest.mark.req("A22")
async def test_a_tray_that_the_change_does_not_touch_stays(bedside, chantal, other):
    tray = await bedside.order("BEF-STW", "RICE")
    draft, revision = await drafted(chantal, add_rule(code="CCHO45"))
    await service.sign_draft(other, draft, revision, PASSWORD)
    assert (await queries.order(chantal, tray.id)).status is Status.CONFIRMED


@pytest.mark.req("A22")
async def test_if_holding_fails_nothing_was_signed(bedside, chantal, other, monkeypatch):
    draft, revision = await drafted(chantal, add_rule())
    before = await diets.manual_revision(chantal)

    async def fails(_actor, _about):
        raise RuntimeError("power cut")

    monkeypatch.setitem(AT_ONCE, "manual:signed", (fails,))
    with pytest.raises(RuntimeError):
        await service.sign_draft(other, draft, revision, PASSWORD)
    assert await diets.manual_revision(chantal) == before
    assert (await diets.open_draft(chantal)).revision == revision


@pytest.mark.req("A22")
async def test_who_wrote_it_does_not_sign_it_while_another_nutritionist_could(bedside, chantal, other):
    draft, revision = await drafted(chantal, add_rule())
    with pytest.raises(Refusal, match=r"manual.four_eyes"):
        await service.sign_draft(chantal, draft, revision, PASSWORD)
    await service.sign_draft(other, draft, revision, PASSWORD)


@pytest.mark.req("A22")
async def test_a_hospital_with_one_nutritionist_can_still_sign(bedside, chantal):
    """Negative control of the test above: it is the other nutritionist who stops the first."""
    draft, revision = await drafted(chantal, add_rule())
    assert await service.sign_draft(chantal, draft, revision, PASSWORD) == 2


@pytest.mark.req("A22")
async def test_a_doctor_a_nurse_and_a_wrong_password_sign_nothing(bedside, chantal, other, diane, bosco):
    draft, revision = await drafted(chantal, add_rule())
    for somebody in (diane, bosco):
        with pytest.raises(NoRight):
            await service.sign_draft(somebody, draft, revision, PASSWORD)
        with pytest.raises(NoRight):
            await service.start_draft(somebody)
    with pytest.raises(Refusal, match=r"account.password_wrong"):
        await service.sign_draft(other, draft, revision, "guess")
    assert await diets.manual_revision(chantal) == 1


@pytest.mark.req("A22")
async def test_of_two_editors_at_once_one_is_told_that_the_other_was_first(bedside, chantal, other):
    draft, revision = await drafted(chantal)
    found = await asyncio.gather(
        service.change_draft(chantal, draft, revision, add_rule(tight("60")), what="REG"),
        service.change_draft(other, draft, revision, add_rule(tight("70"), "CCHO45"), what="CCHO45"),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in found) == ["Refusal", "int"]
    kept = await diets.open_draft(chantal)
    assert len(changes(await diets.book(chantal), kept.book).diets) == 1


@pytest.mark.req("A22")
async def test_a_signer_who_looked_at_an_older_draft_is_refused(bedside, chantal, other):
    draft, revision = await drafted(chantal, add_rule())
    await service.change_draft(chantal, draft, revision, add_rule(tight("900", scope="meal")), what="REG")
    with pytest.raises(Refusal, match=r"manual.newer"):
        await service.sign_draft(other, draft, revision, PASSWORD)
    assert await diets.manual_revision(chantal) == 1


@pytest.mark.req("A22")
async def test_a_draft_from_a_version_no_longer_in_force_is_stale(bedside, chantal, other, make):
    draft, revision = await drafted(chantal, add_rule())
    async with transaction():
        rev = await loading.raise_revision(make.actor)
        await loading.keep_version(make.actor, rev, changed=[])
    with pytest.raises(Refusal, match=r"manual.stale"):
        await service.sign_draft(other, draft, revision, PASSWORD)


@pytest.mark.req("A22")
async def test_a_diet_that_contradicts_itself_is_not_signed(bedside, chantal, other):
    draft, revision = await drafted(chantal, add_rule(tight("50", min=Decimal(60))))
    with pytest.raises(service.NotSignable) as refused:
        await service.sign_draft(other, draft, revision, PASSWORD)
    assert [(one.fault, one.code) for one in refused.value.found] == [(Fault.BOUNDS, "REG")]


@pytest.mark.req("A22")
async def test_meals_that_cannot_keep_the_day_are_found_too(bedside, chantal, other):
    least = tight(subject="carb_g", scope="meal", min=Decimal(100), max=None)
    most = tight(subject="carb_g", scope="day", min=None, max=Decimal(200))
    book = with_rule(with_rule(await diets.book(chantal), "REG", least), "REG", most)
    assert {(one.fault, one.subject) for one in problems(book)} == {(Fault.CLASH, "carb_g")}
    assert problems(await diets.book(chantal)) == []


@pytest.mark.req("A22")
async def test_an_unknown_nutrient_or_one_rule_twice_is_found(bedside, chantal):
    book = await diets.book(chantal)
    strange = with_rule(book, "REG", tight(subject="caffeine_mg"))
    assert [one.fault for one in problems(strange)] == [Fault.UNKNOWN]
    with pytest.raises(ValueError, match="sodium_mg"):
        with_rule(with_rule(book, "REG", tight()), "REG", tight("60"))


@pytest.mark.req("A22")
async def test_a_draft_that_changes_nothing_is_not_signed(bedside, chantal, other):
    draft, revision = await drafted(chantal)
    with pytest.raises(Refusal, match=r"manual.no_change"):
        await service.sign_draft(other, draft, revision, PASSWORD)


@pytest.mark.req("A22")
async def test_each_past_tray_names_the_version_that_judged_it_after_later_changes(bedside, chantal, other):
    first = await bedside.order("RICE", "BNS")
    draft, revision = await drafted(chantal, add_rule(tight("2000")))
    await service.sign_draft(other, draft, revision, PASSWORD)
    second = await bedside.order("RICE", "BNS", period="dinner")
    draft, revision = await drafted(chantal, lambda book: without_rule(book, "REG", tight().place))
    await service.sign_draft(other, draft, revision, PASSWORD)

    def named(found):
        return [(str(one.gate), one.manual_rev, one.manual_signed_by) for one in found]

    assert named(await queries.checks(chantal, first.id)) == [("checkout", 1, None)]
    assert named(await queries.checks(chantal, second.id)) == [("checkout", 2, other.name)]
    old = (await diets.version(chantal, 2)).book.diet("REG")
    assert tight().place in [rule.place for rule in old.rules]
    assert tight().place not in [rule.place for rule in (await diets.version(chantal, 3)).book.diet("REG").rules]
    assert [row.rev for row in await diets.versions(chantal)] == [3, 2, 1]


@pytest.mark.req("A22")
async def test_going_back_is_a_draft_from_an_older_version_and_signed_like_any(bedside, chantal, other):
    draft, revision = await drafted(chantal, add_rule())
    await service.sign_draft(other, draft, revision, PASSWORD)
    back = await service.start_draft(chantal, from_rev=1)
    assert [rule for rule in (await diets.manual(chantal)).diets["REG"].rules if rule.scope == "item"]
    await service.sign_draft(other, back, 1, PASSWORD)
    assert [rule for rule in (await diets.manual(chantal)).diets["REG"].rules if rule.scope == "item"] == []
    assert await diets.manual_revision(chantal) == 3


@pytest.mark.req("A22")
async def test_a_new_diet_can_be_ordered_once_it_is_signed(bedside, chantal, other, diane):
    reg = (await diets.book(chantal)).diet("REG")
    new = structs.replace(reg, code="SOFT-GI", name_en="Gentle on the stomach", kind="modifier", rules=(tight("400"),))
    draft, revision = await drafted(chantal, lambda book: with_diet(book, new))
    with pytest.raises(Refusal, match=r"diets.unknown_code"):
        await bedside.diet("SOFT-GI")
    await service.sign_draft(other, draft, revision, PASSWORD)
    await bedside.diet("SOFT-GI")


@pytest.mark.req("A22")
async def test_signing_puts_the_signers_name_on_what_changed_alone(bedside, chantal, other):
    draft, revision = await drafted(chantal, lambda book: with_words(book, "REG", {"note": "Salt less"}, sign_off=True))
    await service.sign_draft(other, draft, revision, PASSWORD)
    rows = {row.code: row for row in await diets.diet_rows(chantal)}
    assert rows["REG"].is_signed_off
    assert rows["REG"].validated_by.startswith(other.name)
    assert not rows["CCHO45"].is_signed_off


@pytest.mark.req("A22")
async def test_the_tables_of_the_rules_cannot_be_changed_without_a_version(bedside, chantal):
    with pytest.raises(asyncpg.CheckViolationError):
        async with transaction():
            await execute("UPDATE diet_rule SET max = 9999 WHERE hospital = $1", chantal.hospital)


@pytest.mark.req("A22")
@pytest.mark.parametrize("sql", ["UPDATE manual_version SET note = 'x'", "DELETE FROM manual_version"])
async def test_a_version_that_was_signed_cannot_be_rewritten(bedside, sql):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute(sql)


@pytest.mark.req("A22")
async def test_a_stranger_hospital_sees_no_draft_and_no_version_of_ours(bedside, chantal, make):
    await drafted(chantal)
    there = await (await make.other()).user("Odile Keza", Role.NUTRITIONIST)
    assert await diets.open_draft(there) is None
    with pytest.raises(NotHere):
        await diets.version(there, 1)


async def test_a_second_draft_waits_for_the_first_to_be_signed_or_dropped(bedside, chantal, other):
    draft, revision = await drafted(chantal)
    with pytest.raises(Refusal, match=r"manual.draft_open"):
        await service.start_draft(other)
    await service.drop_draft(other, draft, revision)
    await service.start_draft(other)


@pytest.mark.req("A22")
async def test_what_a_draft_would_do_is_told_before_it_is_signed(bedside, chantal):
    await bedside.order("BEF-STW", "RICE")
    draft, _ = await drafted(chantal, add_rule())
    found = await trays.trial(chantal, (await diets.open_draft(chantal)).book)
    assert found.trays_held == 1
    told = found.diets[0]
    assert told.code == "REG"
    assert "BEF-STW" in told.blocked
    assert told.freed == ()
    assert (await diets.open_draft(chantal)).id == draft
