"""Read decoded JSON strictly: every value is checked, every complaint names where."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from .facts import Meal

_DIGITS = 12
_YEARS = (1900, 2199)


class CaseError(ValueError):
    """What is wrong with a line, in words for the person who wrote it."""


def fields(found: Any, where: str, *, needs: set[str], may: set[str]) -> dict[str, Any]:
    """Return an object that has every key it needs and none but those it may have."""
    if not isinstance(found, dict):
        raise CaseError(f"{where}: an object is expected")
    unknown = sorted(found.keys() - may)
    if unknown:
        raise CaseError(f"{where}: unknown key {', '.join(map(repr, unknown))}")
    missing = sorted(needs - found.keys())
    if missing:
        raise CaseError(f"{where}: missing key {', '.join(map(repr, missing))}")
    return found


def each(found: Any, where: str) -> Sequence[tuple[Any, str]]:
    """Return the items of a list, each with the place it stands at."""
    if not isinstance(found, list):
        raise CaseError(f"{where}: a list is expected")
    return [(item, f"{where}[{index}]") for index, item in enumerate(found)]


def names(found: Any, where: str) -> list[str]:
    return [text(item, at) for item, at in each(found, where)]


def text(found: Any, where: str) -> str:
    if not isinstance(found, str):
        raise CaseError(f"{where}: text is expected, not {_shown(found)}")
    return found


def number(found: Any, where: str) -> Decimal:
    """Return an exact number from a JSON number or a text; anything absurdly large or fine is refused."""
    if isinstance(found, bool) or not isinstance(found, int | str | Decimal):
        raise CaseError(f"{where}: a number is expected, not {_shown(found)}")
    try:
        amount = Decimal(found)
    except InvalidOperation:
        raise CaseError(f"{where}: a number is expected, not {_shown(found)}") from None
    if not amount.is_finite() or len(amount.as_tuple().digits) > _DIGITS or abs(amount.adjusted()) > _DIGITS:
        raise CaseError(f"{where}: a number of at most {_DIGITS} digits is expected, not {_shown(found)}")
    return amount


def maybe_number(found: Any, where: str) -> Decimal | None:
    return None if found is None else number(found, where)


def whole(found: Any, where: str) -> int:
    amount = number(found, where)
    if amount != int(amount):
        raise CaseError(f"{where}: a whole number is expected, not {_shown(found)}")
    return int(amount)


def maybe_whole(found: Any, where: str) -> int | None:
    return None if found is None else whole(found, where)


def maybe_fact(found: Any, where: str) -> bool | None:
    if found is None or isinstance(found, bool):
        return found
    if found in (0, 1):
        return bool(found)
    raise CaseError(f"{where}: 1, 0 or null is expected, not {_shown(found)}")


def instant(found: Any, where: str) -> datetime:
    try:
        at = datetime.fromisoformat(text(found, where))
    except ValueError:
        raise CaseError(f"{where}: a time in ISO 8601 is expected, not {_shown(found)}") from None
    if at.tzinfo is None or not _YEARS[0] <= at.year <= _YEARS[1]:
        raise CaseError(f"{where}: a time of {_YEARS[0]} to {_YEARS[1]} with its offset, like +02:00, is expected")
    return at


def maybe_instant(found: Any, where: str) -> datetime | None:
    return None if found is None else instant(found, where)


def day(found: Any, where: str) -> date:
    try:
        return date.fromisoformat(text(found, where))
    except ValueError:
        raise CaseError(f"{where}: a date in ISO 8601 is expected, not {_shown(found)}") from None


def meal(found: Any, where: str) -> Meal:
    name = text(found, where)
    if name not in list(Meal):
        raise CaseError(f"{where}: unknown meal {name!r}")
    return Meal(name)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; a key given twice would hide a fact, so it is refused."""
    names_given = [name for name, _ in pairs]
    if len(set(names_given)) != len(names_given):
        raise CaseError(f"key given twice: {max(names_given, key=names_given.count)!r}")
    return dict(pairs)


def not_a_number(text: str) -> NoReturn:
    raise CaseError(f"{text} is not a number")


def _shown(found: Any) -> str:
    return repr(found)[:60]
