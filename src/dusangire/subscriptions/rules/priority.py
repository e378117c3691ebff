"""In which order trays are cooked: a staff break is short, and no patient waits for it who must not."""

from datetime import datetime, timedelta

# A staff tray may be asked for this long before its break; within it, it counts as so much more urgent.
WINDOW = timedelta(minutes=30)
HEAD_START = timedelta(minutes=10)

Key = tuple[int, datetime, int]


def is_in_window(due_at: datetime, now: datetime) -> bool:
    """Say whether the break that a staff tray is for is near, or on."""
    return now >= due_at - WINDOW


def sort_key(*, is_staff: bool, is_critical: bool, due_at: datetime, now: datetime) -> Key:
    """Return the key by which trays are put in order, the first to cook first.

    is_critical: the tray of a patient with an allergy or on mealtime insulin; every one of them comes before every
    staff tray. Within its window a staff tray has a head start on other patients' trays; before it, none.
    """
    if not is_staff:
        return (0 if is_critical else 1, due_at, 0)
    ahead = HEAD_START if is_in_window(due_at, now) else timedelta()
    return (1, due_at - ahead, 1)
