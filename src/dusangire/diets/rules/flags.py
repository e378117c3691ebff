"""Care flags: what others must know of a patient besides diet and allergy."""

from enum import StrEnum


class Flag(StrEnum):
    """The kinds of flag. The medicines are those that meet food."""

    MEALTIME_INSULIN = "mealtime_insulin"
    WARFARIN = "warfarin"
    MAOI = "maoi"
    ACE_INHIBITOR = "ace_inhibitor"
    POTASSIUM_SPARING = "potassium_sparing"
    ISOLATION = "isolation"


MEDICINES = frozenset({Flag.WARFARIN, Flag.MAOI, Flag.ACE_INHIBITOR, Flag.POTASSIUM_SPARING})
"""Flags that food rules speak of: only who signs diets sets or ends them."""


def settable(*, by_signer: bool) -> tuple[Flag, ...]:
    """Return the flags somebody may set and end: all for who signs diets, bedside facts for a nurse."""
    return tuple(flag for flag in Flag if by_signer or flag not in MEDICINES)
