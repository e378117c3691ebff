"""A hospital that an older release left behind: completed once, twice is once, and then it works like a new one."""

import asyncpg
import pytest

from dusangire import upgrade
from dusangire.diets import queries as diets
from dusangire.diets import service
from dusangire.diets.rules.book_edits import with_rule
from dusangire.diets.rules.flags import Flag
from dusangire.diets.service.completing import KEPT_BEFORE, NOTES_ADDED
from dusangire.kernel.access import Role
from dusangire.kernel.db import acting_as, execute
from dusangire.menu import queries as menu
from dusangire.menu.rules import STARTER_LINES
from dusangire.orders.rules import Status
from tests.diets.test_feed_orders import pump
from tests.make import PASSWORD
from tests.orders.test_manual import tight
from tests.unguarded import rewrite


async def leave_behind(hospital: int) -> None:
    """Take away what the older release did not know of."""
    await rewrite("UPDATE dish SET kitchen_line = NULL WHERE hospital = $1", hospital)
    for table in ("kitchen_line", "manual_version", "food_drug_note", "feed_product"):
        await rewrite(f"DELETE FROM {table} WHERE hospital = $1", hospital)


@pytest.mark.req("A22", "A19", "A20", "A8")
async def test_an_upgraded_hospital_gets_its_version_notes_products_and_lines_once(bedside, chantal):
    book = await diets.book(chantal)
    await leave_behind(chantal.hospital)
    assert await diets.current_version(chantal) is None
    rev = await diets.manual_revision(chantal)
    for _ in range(2):
        await upgrade.complete_hospitals()
        kept = await diets.versions(chantal)
        assert [(one.rev, one.note, one.signed_by_name) for one in kept] == [
            (rev + 1, NOTES_ADDED, None),
            (rev, KEPT_BEFORE, None),
        ]
        assert (await diets.version(chantal, rev)).book.diets == book.diets
        assert (await diets.version(chantal, rev)).book.notes == ()
        assert (await diets.version(chantal, rev + 1)).book == await diets.book(chantal) == book
        assert {one.code for one in await diets.products(chantal)} >= {"TF-10", "RUTF"}
        lines = await menu.kitchen_lines(chantal)
        assert {one.code for one in lines} == {one.code for one in STARTER_LINES}
        assert not any(one.carries_over for one in lines)
        assert {card.kitchen_line for card in (await menu.cards(chantal)).values()} == {one.id for one in lines}


@pytest.mark.req("A22")
async def test_an_upgraded_hospital_orders_trays_signs_feeds_and_a_new_manual(bedside, chantal, make):
    await leave_behind(chantal.hospital)
    await upgrade.complete_hospitals()
    other = await make.user("Solange Uwimana", Role.NUTRITIONIST)
    assert (await bedside.order("RICE")).status is Status.CONFIRMED
    await service.sign_feed(bedside.doctor, bedside.id, pump())
    await service.set_flag(bedside.doctor, bedside.id, Flag.WARFARIN)
    assert (await diets.care(bedside.doctor, bedside.id)).noted
    before = await diets.manual_revision(chantal)
    draft = await service.start_draft(chantal)
    revision = await service.change_draft(chantal, draft, 1, lambda book: with_rule(book, "REG", tight()), what="REG")
    assert await service.sign_draft(other, draft, revision, PASSWORD) == before + 1


@pytest.mark.req("A22")
async def test_without_the_completion_the_old_hospital_has_no_version_to_compare_with_and_nothing_to_feed(
    bedside, chantal
):
    """Negative control of the two above."""
    await leave_behind(chantal.hospital)
    assert await diets.versions(chantal) == []
    assert await diets.products(chantal) == []
    assert (await diets.book(chantal)).notes == ()


async def test_what_a_hospital_has_made_of_its_own_is_left_alone(bedside, chantal, make):
    other = await make.user("Solange Uwimana", Role.NUTRITIONIST)
    draft = await service.start_draft(chantal)
    revision = await service.change_draft(chantal, draft, 1, _without_notes, what="notes")
    await service.sign_draft(other, draft, revision, PASSWORD)
    await rewrite("DELETE FROM feed_product WHERE hospital = $1 AND code <> 'RUTF'", chantal.hospital)
    await rewrite("UPDATE dish SET kitchen_line = NULL WHERE hospital = $1 AND code = 'RICE'", chantal.hospital)
    await upgrade.complete_hospitals()
    assert (await diets.book(chantal)).notes == ()
    assert [one.code for one in await diets.products(chantal)] == ["RUTF"]
    assert (await menu.cards(chantal))["RICE"].kitchen_line is None


async def test_a_hospital_without_menu_and_manual_stays_empty(make):
    new = await make.other()
    await upgrade.complete_hospitals()
    with acting_as(new.actor):
        assert await diets.versions(new.actor) == []
        assert await menu.kitchen_lines(new.actor) == []


@pytest.mark.req("A22")
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE diet SET note = 'by hand' WHERE code = 'REG'",
        "UPDATE diet_rule SET max = 1",
        "DELETE FROM diet_rule",
        "DELETE FROM food_drug_note",
    ],
)
async def test_diets_rules_and_notes_change_only_with_a_version_before_and_after_an_upgrade(bedside, chantal, sql):
    with pytest.raises(asyncpg.CheckViolationError):
        await execute(sql)
    before = await diets.book(chantal)
    await leave_behind(chantal.hospital)
    await upgrade.complete_hospitals()
    with pytest.raises(asyncpg.CheckViolationError):
        await execute(sql)
    assert await diets.book(chantal) == before


@pytest.mark.req("A22")
async def test_the_version_from_before_is_said_in_words_on_the_page(bedside, chantal, browser):
    await leave_behind(chantal.hospital)
    await upgrade.complete_hospitals()
    answer = await browser(chantal).get("/manual/versions")
    assert "In force before versions were kept" in answer.text
    rev = await diets.manual_revision(chantal)
    assert "The notes on medicines and food" in (await browser(chantal).get(f"/manual/versions/{rev}")).text
    assert (await browser(chantal).get(f"/manual/versions/{rev}/compare?with={rev - 1}")).status_code == 200


def _without_notes(book):
    return type(book)(book.diets, ())
