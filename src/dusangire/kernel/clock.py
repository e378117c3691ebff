"""The clock: one place that says what time it is, in UTC, and what day it is where a hospital stands."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def now() -> datetime:
    """Return the present as an aware datetime in UTC."""
    return datetime.now(UTC)


def local(moment: datetime, zone: str) -> datetime:
    """Return the same moment as clocks in the zone show it."""
    return moment.astimezone(ZoneInfo(zone))


def local_day(moment: datetime, zone: str) -> date:
    """Return the calendar day of the moment in the hospital's zone."""
    return local(moment, zone).date()


def at(day: date, wall: time, zone: str) -> datetime:
    """Return the moment, in UTC, at which clocks in the zone show this day and time."""
    return datetime.combine(day, wall, ZoneInfo(zone)).astimezone(UTC)


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """Return the first moment of the day and of the next one, half-open."""
    return at(day, time.min, zone), at(day + timedelta(days=1), time.min, zone)
