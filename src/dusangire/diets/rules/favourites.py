"""Favourites: prescriptions that are written every day, one tap away from the form."""

from msgspec import Struct


class Favourite(Struct, frozen=True):
    """A prescription to start from; its words are `diets.favourite.<key>`. `hours`: for how long."""

    key: str
    codes: tuple[str, ...]
    food: str = ""
    drink: str = ""
    hours: int | None = None


FAVOURITES: tuple[Favourite, ...] = (
    Favourite("regular", ("REG",)),
    Favourite("kidney_soft", ("RENAL-ND",), food="6", drink="0"),
    Favourite("heart", ("CARDIAC",)),
    Favourite("diabetes", ("CCHO60",)),
    Favourite("clear_24h", ("CLEAR",), hours=24),
)


def favourite(key: str) -> Favourite | None:
    """Return the favourite with this key."""
    return next((one for one in FAVOURITES if one.key == key), None)
