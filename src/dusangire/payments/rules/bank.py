"""Money that comes to the bank: the references in its messages, the bank's own list, and what a line can pay."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from msgspec import Struct

from dusangire.kernel.money import Money
from dusangire.payments.rules.codes import read_code

_CODE = re.compile(r"(?<![0-9A-Z])([0-9A-Z]{4}[ -]?[0-9A-Z]{4})(?![0-9A-Z])")
_MOST = 2_000_000_000
_HEADS = {
    "ref": ("reference", "transaction reference", "bank reference", "ref", "transaction id"),
    "day": ("date", "booking date", "value date", "transaction date"),
    "amount": ("credit", "amount", "credit amount"),
    "message": ("description", "message", "narration", "details", "remarks"),
    "sender": ("sender", "payer", "from", "name", "ordering customer"),
}


class Fit(StrEnum):
    """How what came in compares with what is due."""

    EXACT = "exact"
    PART = "part"
    OVER = "over"


class BankRow(Struct, frozen=True):
    """One line of the bank's list: money that came in."""

    bank_ref: str
    booked_on: date
    amount: Money
    sender: str = ""
    message: str = ""


class Division(Struct, frozen=True):
    """What of a line is used, what of it stays over, and what is still due afterwards."""

    used: Money
    over: Money
    still_due: Money

    @property
    def fit(self) -> Fit:
        if self.over:
            return Fit.OVER
        return Fit.PART if self.still_due else Fit.EXACT


class BadSheet(Exception):
    """The file is not a list of the bank's; the message names the line and what is wrong."""


def codes_in(text: str) -> list[str]:
    """Return the references of ours that stand in a bank's message; one with a wrong letter is none."""
    found = (read_code(said) for said in _CODE.findall(text.upper()))
    return list(dict.fromkeys(code for code in found if code))


def divide(left: Money, due: Money) -> Division:
    """Return how what is left of a line pays what is due."""
    used = min(left, due)
    return Division(used, left - used, due - used)


def read_sheet(text: str) -> list[BankRow]:
    """Return the money that came in, from a bank's list as CSV. Raises BadSheet naming the line.

    The first line names the columns, in English: reference, date, amount or credit, description, sender. Lines
    without a credit are money that went out, and left aside.
    """
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=_delimiter(text))
    heads = [head.strip().casefold() for head in next(rows, [])]
    places = {name: _place(heads, said) for name, said in _HEADS.items()}
    lacking = [name for name in ("ref", "day", "amount") if places[name] is None]
    if lacking:
        raise BadSheet(f"line 1: no column for {', '.join(lacking)}")
    return list(_lines(rows, places))


def _lines(rows: Iterator[list[str]], places: dict[str, int | None]) -> Iterator[BankRow]:
    for number, row in enumerate(rows, start=2):
        said = {name: _cell(row, place) for name, place in places.items()}
        if not any(said.values()):
            continue
        amount = _amount(said["amount"], number)
        if amount is None:
            continue
        if not said["ref"]:
            raise BadSheet(f"line {number}: no reference of the bank")
        yield BankRow(said["ref"], _day(said["day"], number), amount, said["sender"], said["message"])


def _amount(said: str, number: int) -> Money | None:
    """Money that came in; None where the line says none or money that went out."""
    try:
        found = Decimal(said.replace(",", "").replace("\u00a0", "").replace(" ", "").upper().removeprefix("RWF") or "0")
    except InvalidOperation:
        raise BadSheet(f"line {number}: {said!r} is no amount") from None
    if not found.is_finite() or found != int(found) or found > _MOST:
        raise BadSheet(f"line {number}: {said!r} is no whole amount")
    return Money(int(found)) if found > 0 else None


def _day(said: str, number: int) -> date:
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"):
        try:
            return datetime.strptime(said[:10], form).date()  # noqa: DTZ007  a day, not a moment
        except ValueError:
            continue
    raise BadSheet(f"line {number}: {said!r} is no day")


def _place(heads: Sequence[str], names: Sequence[str]) -> int | None:
    return next((heads.index(name) for name in names if name in heads), None)


def _cell(row: Sequence[str], place: int | None) -> str:
    """At most 200 characters: banks fill lines with their own forms."""
    return row[place].strip()[:200] if place is not None and place < len(row) else ""


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return ";" if first.count(";") > first.count(",") else ","
