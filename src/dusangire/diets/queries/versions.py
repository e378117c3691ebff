"""Reads of the manual as it was written and signed: its versions, the open draft, and whom a change touches."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.diets.queries.manual import diet_rows, manual_revision, note_rows, rule_rows
from dusangire.diets.rules.book import Book, BookDiet, BookRule
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere


class VersionRow(Struct, frozen=True):
    """One version without its text. Nobody signed the one that the program came with."""

    rev: int
    note: str
    changed: tuple[str, ...]
    drafted_by_name: str | None
    signed_by_name: str | None
    signed_at: datetime


class Version(Struct, frozen=True):
    """One version as it was signed."""

    row: VersionRow
    book: Book


class Draft(Struct, frozen=True):
    """The open draft. `base_rev` is the version in force when it began, `from_rev` the one its text was taken from."""

    id: UUID
    base_rev: int
    from_rev: int
    book: Book
    note: str
    revision: int
    drafted_by: UUID
    drafted_by_name: str
    drafted_at: datetime
    authors: tuple[UUID, ...]
    changed_at: datetime


_VERSION = """
    SELECT v.rev, v.note, v.changed, d.name AS drafted_by_name, s.name AS signed_by_name, v.signed_at
    FROM manual_version v LEFT JOIN app_user d ON d.id = v.drafted_by LEFT JOIN app_user s ON s.id = v.signed_by
    WHERE v.hospital = $1
"""


async def versions(actor: Actor) -> list[VersionRow]:
    """Return every version, the latest first."""
    return await fetch(VersionRow, _VERSION + " ORDER BY v.rev DESC", actor.hospital)


class _Content(Struct, frozen=True):
    content: dict[str, Any]


async def version(actor: Actor, rev: int) -> Version:
    """Return one version as it was signed. Raises NotHere."""
    row = await fetch_one(VersionRow, _VERSION + " AND v.rev = $2", actor.hospital, rev)
    kept = await fetch_one(
        _Content, "SELECT content FROM manual_version WHERE hospital = $1 AND rev = $2", actor.hospital, rev
    )
    if row is None or kept is None:
        raise NotHere
    return Version(row, msgspec.convert(kept.content, Book))


async def book(actor: Actor) -> Book:
    """Return the manual in force as it stands in the tables that judge trays."""
    rules: dict[str, list[BookRule]] = defaultdict(list)
    for rule in await rule_rows(actor):
        rules[rule.diet_code].append(
            BookRule(
                rule.rule_kind,
                rule.subject,
                rule.scope,
                rule.min,
                rule.max,
                rule.severity,
                rule.standing,
                rule.source,
            )
        )
    diets = [
        BookDiet(
            one.code,
            one.name_en,
            one.name_fr,
            one.name_rw,
            one.kind,
            one.item_rules,
            one.note,
            one.source,
            one.standing,
            one.validated_by,
            tuple(rules[one.code]),
        )
        for one in await diet_rows(actor)
    ]
    return Book(tuple(diets), tuple(await note_rows(actor)))


class _DraftRow(Struct, frozen=True):
    id: UUID
    base_rev: int
    from_rev: int
    content: dict[str, Any]
    note: str
    revision: int
    drafted_by: UUID
    drafted_by_name: str
    drafted_at: datetime
    authors: tuple[UUID, ...]
    changed_at: datetime


async def open_draft(actor: Actor) -> Draft | None:
    """Return the draft that somebody writes on, None without one."""
    found = await fetch_one(
        _DraftRow,
        """
        SELECT d.id, d.base_rev, d.from_rev, d.content, d.note, d.revision, d.drafted_by,
               coalesce(u.name, '') AS drafted_by_name, d.drafted_at, d.authors, d.changed_at
        FROM manual_draft d LEFT JOIN app_user u ON u.id = d.drafted_by
        WHERE d.hospital = $1 AND d.status = 'open'
        """,
        actor.hospital,
    )
    if found is None:
        return None
    kept = {name: getattr(found, name) for name in Draft.__struct_fields__ if name != "book"}
    return Draft(book=msgspec.convert(found.content, Book), **kept)


class _Rev(Struct, frozen=True):
    rev: int


async def locked_revision(actor: Actor) -> int:
    """Lock the manual's revision and return it; 0 before there is a manual. The first lock of whoever signs one."""
    found = await fetch_one(
        _Rev, "SELECT rev FROM manual_revision WHERE hospital = $1 FOR NO KEY UPDATE", actor.hospital
    )
    return 0 if found is None else found.rev


async def current_version(actor: Actor) -> VersionRow | None:
    """Return the version in force, None where it was never kept."""
    rev = await manual_revision(actor)
    return await fetch_one(VersionRow, _VERSION + " AND v.rev = $2", actor.hospital, rev)


class _Someone(Struct, frozen=True):
    id: UUID


async def manual_signers(actor: Actor) -> list[UUID]:
    """Return the nutritionists who work here now."""
    rows = await fetch(
        _Someone,
        """
        SELECT DISTINCT m.app_user AS id FROM membership m JOIN app_user u ON u.id = m.app_user
        WHERE m.hospital = $1 AND m.role = 'nutritionist' AND m.ended_at IS NULL AND NOT u.is_disabled
          AND NOT 'manual_sign' = ANY (m.revoked)
        ORDER BY m.app_user
        """,
        actor.hospital,
    )
    return [row.id for row in rows]


async def patients_with_diets(actor: Actor, codes: Iterable[str]) -> list[UUID]:
    """Return the patients with an active order for one of these diets, in the order in which their rows are locked.

    A texture that is ordered as a level alone counts as its diet.
    """
    rows = await fetch(
        _Someone,
        """
        SELECT DISTINCT o.patient AS id FROM diet_order o
        WHERE o.hospital = $1 AND o.status = 'active'
          AND (o.codes && $2::text[] OR ('IDDSI' || o.food_level) = ANY ($2::text[]))
        ORDER BY o.patient
        """,
        actor.hospital,
        list(codes),
    )
    return [row.id for row in rows]
