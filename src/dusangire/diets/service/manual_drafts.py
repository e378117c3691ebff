"""The next version of the manual: drafted by one, signed by another; until then it changes nothing."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from dusangire.accounts import service as accounts
from dusangire.diets import queries
from dusangire.diets.queries.versions import Draft
from dusangire.diets.rules.book import Book, Changes, changes, problems
from dusangire.diets.rules.book import Problem as BookProblem
from dusangire.diets.rules.book_edits import restored, signed
from dusangire.diets.service.manual import keep_version, raise_revision, write_diets, write_notes
from dusangire.diets.tables import ManualDraft
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import history, record

Edit = Callable[[Book], Book]


class NotSignable(Refusal):
    """The draft contradicts itself; `found` says where."""

    def __init__(self, found: list[BookProblem]) -> None:
        super().__init__("manual.faulty", status=409, count=len(found))
        self.found = found


async def start_draft(actor: Actor, from_rev: int | None = None) -> UUID:
    """Begin the next version from the one in force, or from an older one to go back to.

    Raises NoRight, NotHere for no such version, Refusal("manual.draft_open") while there is one.
    """
    _need(actor, Can.MANUAL_EDIT)
    made = uuid7()
    async with transaction():
        rev = await queries.locked_revision(actor)
        if await queries.open_draft(actor) is not None:
            raise Refusal("manual.draft_open")
        now = await queries.book(actor)
        old = None if from_rev in (None, rev) else (await queries.version(actor, from_rev or 0)).book
        await ManualDraft.insert(
            ManualDraft(
                id=made,
                hospital=actor.hospital,
                status="open",
                base_rev=rev,
                from_rev=from_rev or rev,
                content=_json(now if old is None else restored(now, old)),
                drafted_by=actor.user,
                drafted_at=clock.now(),
                changed_at=clock.now(),
                authors=[actor.user],
            )
        )
        await record(actor, "manual_draft:started", _about(made), base=rev, source=from_rev or rev)
    return made


async def change_draft(actor: Actor, draft: UUID, revision: int, edit: Edit, *, what: str) -> int:
    """Write the draft anew as `edit` makes it; return its revision.

    Raises NoRight, NotHere for what is not in it, Refusal("manual.newer") where somebody else wrote meanwhile and
    Refusal("manual.twice") for what is in it already.
    """
    _need(actor, Can.MANUAL_EDIT)
    async with transaction():
        found = await _seen(actor, draft, revision)
        try:
            book = edit(found.book)
        except KeyError:
            raise NotHere from None
        except ValueError:
            raise Refusal("manual.twice", status=422) from None
        await _write(actor, found, {"content": _json(book), "authors": _authors(found, actor)})
        await record(actor, "manual_draft:changed", _about(draft), what=what)
    return found.revision + 1


async def note_draft(actor: Actor, draft: UUID, revision: int, note: str) -> int:
    """Say in words what the next version is for."""
    _need(actor, Can.MANUAL_EDIT)
    async with transaction():
        found = await _seen(actor, draft, revision)
        await _write(actor, found, {"note": note.strip(), "authors": _authors(found, actor)})
        await record(actor, "manual_draft:changed", _about(draft), what="note")
    return found.revision + 1


async def drop_draft(actor: Actor, draft: UUID, revision: int) -> None:
    """Throw the draft away; it stays in the record."""
    _need(actor, Can.MANUAL_EDIT)
    async with transaction():
        found = await _seen(actor, draft, revision)
        await _write(actor, found, {"status": "dropped"})
        await record(actor, "manual_draft:dropped", _about(draft))


async def sign_draft(actor: Actor, draft: UUID, revision: int, password: str) -> int:
    """Sign the draft as it was seen; return the new version. Every open tray it touches is judged again at once.

    Raises NoRight, NotHere, NotSignable, and Refusal for a wrong password, a draft that somebody changed meanwhile
    ("manual.newer"), one begun from a version that is no longer in force ("manual.stale"), one that changes nothing,
    and a signer who wrote it while somebody else could sign ("manual.four_eyes").
    """
    _need(actor, Can.MANUAL_SIGN)
    if not await accounts.verify_password(actor, password):
        raise Refusal("account.password_wrong", status=422)
    async with transaction():
        rev = await queries.locked_revision(actor)
        found = await _seen(actor, draft, revision)
        if found.base_rev != rev:
            raise Refusal("manual.stale")
        now = await queries.book(actor)
        differs = changes(now, found.book)
        await _refuse_unsigned(actor, found, differs)
        made = await _put_in_force(actor, found, differs)
        await _write(actor, found, {"status": "signed"})
        await record(
            actor, "manual:signed", f"manual:{made}", also=[f"{actor.hospital}:wards"],
            rev=made, codes=list(differs.codes), drafted_by=str(found.drafted_by),
        )  # fmt: skip
    return made


async def _put_in_force(actor: Actor, found: Draft, differs: Changes) -> int:
    today = clock.local_day(clock.now(), actor.zone)
    book = signed(found.book, differs, actor.name, today)
    changed = {one.code for one in differs.diets}
    await write_diets(actor, [diet for diet in book.diets if diet.code in changed])
    if differs.notes:
        await write_notes(actor, book.notes)
    made = await raise_revision(actor)
    await keep_version(actor, made, changed=differs.codes, note=found.note, drafted_by=found.drafted_by)
    return made


async def _refuse_unsigned(actor: Actor, found: Draft, differs: Changes) -> None:
    if not differs:
        raise Refusal("manual.no_change")
    wrong = problems(found.book)
    if wrong:
        raise NotSignable(wrong)
    others = [one for one in await queries.manual_signers(actor) if one != actor.user]
    fresh = [one for one in others if one not in found.authors]
    wrote_it = actor.user in found.authors if fresh else actor.user == found.drafted_by
    if wrote_it and others:
        raise Refusal("manual.four_eyes", status=403)


async def _seen(actor: Actor, draft: UUID, revision: int) -> Draft:
    """Return the open draft if it still is as it was seen."""
    found = await queries.open_draft(actor)
    if found is None or found.id != draft:
        raise NotHere
    if found.revision != revision:
        raise await _newer(actor, draft)
    return found


async def _write(actor: Actor, found: Draft, values: dict[str, Any]) -> None:
    changes_made: dict[Any, Any] = {**values, "revision": found.revision + 1, "changed_at": clock.now()}
    written = (
        await ManualDraft.update(changes_made)
        .where(
            mine(ManualDraft, actor),
            ManualDraft.id == found.id,
            ManualDraft.status == "open",
            ManualDraft.revision == found.revision,
        )
        .returning(ManualDraft.id)
    )
    if not written:
        raise await _newer(actor, found.id)


async def _newer(actor: Actor, draft: UUID) -> Refusal:
    happened = await history(actor, _about(draft))
    if not happened:
        return Refusal("error.changed")
    last = happened[-1]
    time = clock.local(last.at, actor.zone).strftime("%H:%M")
    return Refusal("manual.newer", name=last.actor_name, time=time)


def _authors(found: Draft, actor: Actor) -> list[UUID]:
    return list(dict.fromkeys([*found.authors, actor.user]))


def _need(actor: Actor, right: Can) -> None:
    if not actor.may(right):
        raise NoRight


def _about(draft: UUID) -> str:
    return f"manual_draft:{draft}"


def _json(book: Book) -> str:
    return msgspec.json.encode(book).decode()
