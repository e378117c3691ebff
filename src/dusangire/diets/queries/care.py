"""What is good to know of a patient: care flags, what their medicines do with food, and what they are fed."""

from uuid import UUID

from msgspec import Struct

from dusangire.diets.queries.feeds import Feeds, feeds
from dusangire.diets.queries.flags import FlagRow, flag_rows
from dusangire.diets.queries.manual import manual
from dusangire.diets.rules.flags import MEDICINES
from dusangire.diets.rules.food_drug import FoodDrugNote
from dusangire.diets.rules.medicines import medicines, speaks_of
from dusangire.kernel.access import Actor
from dusangire.menu import queries as menu
from dusangire.menu.rules import Card


class Noted(Struct, frozen=True):
    """One note of the manual that counts for a patient, with the dishes of the menu it is about."""

    note: FoodDrugNote
    dishes: tuple[Card, ...]


class Care(Struct, frozen=True):
    """`open` are the flags that are set; `unchecked` the medicines that no note of the manual speaks of."""

    patient: UUID
    open: tuple[FlagRow, ...]
    ended: tuple[FlagRow, ...]
    noted: tuple[Noted, ...]
    unchecked: tuple[str, ...]
    feeds: Feeds


async def care(actor: Actor, patient: UUID) -> Care:
    """Return what is good to know of one patient. About six statements."""
    rows = await flag_rows(actor, patient)
    open_rows = tuple(row for row in rows if row.ended_at is None)
    found = medicines(frozenset(row.kind for row in open_rows), (await manual(actor)).notes)
    covered = {note.flag for note in found.notes}
    dishes, cards = (await menu.dishes(actor), await menu.cards(actor)) if found.notes else ({}, {})
    return Care(
        patient=patient,
        open=open_rows,
        ended=tuple(row for row in rows if row.ended_at is not None),
        noted=tuple(
            Noted(note, tuple(cards[code] for code, dish in dishes.items() if code in cards and speaks_of(note, dish)))
            for note in found.notes
        ),
        unchecked=tuple(row.kind for row in open_rows if row.kind in MEDICINES and row.kind not in covered),
        feeds=(await feeds(actor, [patient]))[patient],
    )
