"""Why a tray was stopped: stored as a phrase, so that each reader is told in their own language."""

import msgspec

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
