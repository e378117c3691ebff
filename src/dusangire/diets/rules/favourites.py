"""Favourites: prescriptions to start from, one tap away: what this doctor writes, what the ward writes, and a few more.

Nobody keeps a list by hand: what is written often is a favourite.
"""

import re
from collections.abc import Iterable

from msgspec import Struct

_OWN, _WARD, _MOST = 2, 3, 4
_KEY = re.compile(r"((?:[A-Z0-9-]{1,20}(?:\.[A-Z0-9-]{1,20}){0,4})?)~([3-7]?)~([0-4]?)~(\d{0,3})")


class Favourite(Struct, frozen=True):
    """A prescription to start from. `food` and `drink` are IDDSI levels; `hours`: for how long, None until stopped.

    `name`: the words of one that comes with the program (`diets.favourite.<name>`).
    """

    codes: tuple[str, ...]
    food: int | None = None
    drink: int | None = None
    hours: int | None = None
    name: str = ""

    @property
    def key(self) -> str:
        """How an address names it."""
        if self.name:
            return self.name
        parts = (self.food, self.drink, self.hours)
        return "~".join([".".join(self.codes), *("" if part is None else str(part) for part in parts)])


class Used(Struct, frozen=True):
    """A prescription with how often this person (`own`) and this ward (`here`) have signed it of late."""

    codes: tuple[str, ...]
    food_level: int | None
    drink_level: int | None
    hours: int | None
    own: int
    here: int

    def favourite(self) -> Favourite:
        """Return it as a favourite; the texture is told by its level alone."""
        codes = tuple(code for code in self.codes if not code.startswith("IDDSI"))
        return Favourite(codes, self.food_level, self.drink_level, self.hours)


class Favourites(Struct, frozen=True):
    """What is offered above the form: this person's own, and the ward's with those that come with the program."""

    own: tuple[Favourite, ...]
    ward: tuple[Favourite, ...]


STARTERS: tuple[Favourite, ...] = (
    Favourite(("REG",), name="regular"),
    Favourite(("RENAL-ND",), food=6, drink=0, name="kidney_soft"),
    Favourite(("CARDIAC",), name="heart"),
    Favourite(("CCHO60",), name="diabetes"),
    Favourite(("CLEAR",), hours=24, name="clear_24h"),
)


def favourites(used: Iterable[Used]) -> Favourites:
    """Return at most four of each; written twice by oneself or three times on the ward, the most frequent first."""
    found = list(used)
    mine = sorted((one for one in found if one.own >= _OWN), key=lambda one: -one.own)
    own = tuple(dict.fromkeys(one.favourite() for one in mine))[:_MOST]
    often = sorted((one for one in found if one.here >= _WARD), key=lambda one: -one.here)
    ward = [one for one in dict.fromkeys(item.favourite() for item in often) if one not in own][:_MOST]
    known = {_plain(one) for one in (*own, *ward)}
    return Favourites(own, (*ward, *(one for one in STARTERS if _plain(one) not in known)))


def favourite(key: str) -> Favourite | None:
    """Return the favourite that an address names; None for anything that is none."""
    known = next((one for one in STARTERS if one.key == key), None)
    match = _KEY.fullmatch(key)
    if known is not None or match is None:
        return known
    codes, food, drink, hours = match.groups()
    if not codes and not food:
        return None
    return Favourite(tuple(filter(None, codes.split("."))), _number(food), _number(drink), _number(hours))


def _plain(one: Favourite) -> tuple[tuple[str, ...], int | None, int | None, int | None]:
    return one.codes, one.food, one.drink, one.hours


def _number(said: str) -> int | None:
    return int(said) if said else None
