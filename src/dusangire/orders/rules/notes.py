"""Why a tray was stopped: stored as a phrase, so that each reader is told in their own language and as who they are.

What is stored speaks to the patient. Cooks, carriers and wards read the same in the third person.
"""

import msgspec

from dusangire.kernel.access import Actor
from dusangire.kernel.phrase import Phrase


def note_phrase(stored: str) -> Phrase | None:
    """Return the phrase that was stored, None for an empty text; a person's own words are told as written."""
    if not stored:
        return None
    if not stored.startswith("{"):
        return Phrase("order.said", {"words": stored})
    return msgspec.json.decode(stored, type=Phrase)


def stored(phrase: Phrase) -> str:
    """Return the phrase as it is stored."""
    return msgspec.json.encode(phrase).decode()


# The sentences to the patient that staff read in other words, under `hold.<key>`.
FOR_STAFF = frozenset({
    "npo.banner", "portal.waiting_diet", "verdict.allergen", "verdict.diet_rule", "verdict.halal", "verdict.raw",
    "verdict.texture", "verdict.unknown_data", "verdict.unknown_patient",
    *(f"order.why.{name}" for name in (
        "allergy_unclear", "clash", "cross_contact", "cross_contact_unlisted", "diet_allergen", "drink", "drink_unset",
        "feeds", "least_day", "least_item", "least_meal", "may_contain", "most_day", "most_item", "most_meal",
        "no_stay", "not_asked", "nurse_orders", "nutrient_unknown", "only", "prescription", "thickener", "weight",
    )),
})  # fmt: skip


def for_staff(phrase: Phrase) -> Phrase:
    """Return the reason as cooks, carriers and wards read it: do not serve, and why, of the patient."""
    inner = phrase.facts.get("why") if phrase.key == "order.why" else None
    if not isinstance(inner, Phrase):
        return phrase
    return Phrase("hold.do_not_serve", {"why": third_person(inner)})


def third_person(phrase: Phrase) -> Phrase:
    """Return one sentence to the patient as it is said of the patient."""
    return Phrase(f"hold.{phrase.key}", phrase.facts) if phrase.key in FOR_STAFF else phrase


def said_to(reader: Actor, phrase: Phrase) -> Phrase:
    """Return the reason in the words for this reader: a patient or who orders for one is spoken to."""
    return phrase if reader.patient is not None else for_staff(phrase)
