"""What a release adds to a hospital that was there before it: its first kept version, notes and products."""

from dusangire.diets import queries
from dusangire.diets.service.feed_products import load_products
from dusangire.diets.service.manual import keep_version, raise_revision, starter_book, write_notes
from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.journal import record

KEPT_BEFORE, NOTES_ADDED = "manual.kept_before", "manual.notes_added"


async def complete_starter(actor: Actor) -> None:
    """Bring a manual from before versions were kept to where a new hospital begins. Twice is once.

    The manual in force is kept as it stands, signed by nobody; notes on medicines come with a version of their own,
    and only where no version was ever kept: who has taken them out since does not get them back. Products come where
    there are none. Nothing happens to a hospital without a manual.
    """
    async with transaction():
        rev = await queries.locked_revision(actor)
        if not rev:
            return
        was_kept = bool(await queries.versions(actor))
        if await queries.current_version(actor) is None:
            now = await queries.book(actor)
            all_diets = [diet.code for diet in now.diets] if rev == 1 else []
            await keep_version(actor, rev, changed=all_diets, note=KEPT_BEFORE)
            if not was_kept and not now.notes:
                await _add_notes(actor)
            await record(actor, "manual:completed", f"manual:{actor.hospital}", rev=rev)
        if not await queries.products(actor):
            await load_products(actor)


async def _add_notes(actor: Actor) -> None:
    await write_notes(actor, starter_book().notes)
    await keep_version(actor, await raise_revision(actor), changed=[], note=NOTES_ADDED)
