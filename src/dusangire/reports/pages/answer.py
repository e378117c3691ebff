"""What the pages of this package share: the day of the address, and the words of a task."""

from datetime import date, timedelta

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import local_day, now
from dusangire.kernel.text import has


class Days(Struct, frozen=True):
    """The day a page is about, and those beside it."""

    day: date
    today: date

    @property
    def is_today(self) -> bool:
        return self.day == self.today

    @property
    def before(self) -> date:
        return self.day - timedelta(days=1)

    @property
    def after(self) -> date:
        return self.day + timedelta(days=1)


def today(actor: Actor) -> date:
    """Return the day it is where the hospital stands."""
    return local_day(now(), actor.zone)


def task_key(kind: str) -> str:
    """Return the key of what a task of this kind asks for."""
    key = f"diets.task.{kind}"
    return key if has(key) else "diets.task.other"
