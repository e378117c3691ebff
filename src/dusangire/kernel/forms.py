"""Forms: from what a person typed to a frozen Struct, field by field, so that every error shows at once.

A field's type says how it is read: str, int, Decimal, date, datetime (local), bool, StrEnum, UUID, list[…],
each optional with `| None`. `Limits` in an Annotated type says what is allowed. What was typed is always kept.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from litestar.connection import Request
from msgspec import NODEFAULT, Struct

T = TypeVar("T", bound=Struct)
_DIGITS = re.compile(r"-?\d{1,9}")


class Limits(Struct, frozen=True):
    """What a field allows: numbers between least and most, text no longer than `most` characters."""

    least: int | None = None
    most: int | None = None
    is_multiline: bool = False


class Problem(Struct, frozen=True):
    """What is wrong with one field: a key of the catalogue and its facts."""

    key: str
    facts: dict[str, Any] = {}


class Form(Struct, Generic[T]):
    """What was typed (`raw`), what it means (`value`, None when anything is wrong) and each field's problem."""

    raw: dict[str, str]
    value: T | None
    errors: dict[str, Problem]

    def typed(self, field: str) -> str:
        """Return what the person typed, '' where nothing."""
        return self.raw.get(field, "")

    def refuse(self, field: str, key: str, **facts: Any) -> "Form[T]":
        """Return this form with one more problem, found by a rule or a service."""
        return Form(self.raw, None, {**self.errors, field: Problem(key, facts)})


class _Wrong(Exception):
    def __init__(self, key: str, **facts: Any) -> None:
        super().__init__(key)
        self.problem = Problem(key, facts)


async def read(request: Request, shape: type[T]) -> Form[T]:
    """Return the submitted form as `shape`; every field is tried, so that all errors show at once."""
    data = await request.form()
    typed = {name: [str(value) for value in data.getall(name)] for name in data}
    return convert(typed, shape)


def empty(shape: type[T], **typed: str) -> Form[T]:
    """Return a form nobody has sent yet, with what it starts from."""
    return Form({name: value for name, value in typed.items() if value is not None}, None, {})


def convert(typed: Mapping[str, list[str]], shape: type[T]) -> Form[T]:
    """Return the form; pure, so that tests and the query string use it too."""
    values: dict[str, Any] = {}
    errors: dict[str, Problem] = {}
    raw = {name: texts[-1] for name, texts in typed.items() if texts and not name.startswith("_")}
    for field in _fields(shape):
        try:
            values[field.name] = _field(field, typed.get(field.name, []))
        except _Wrong as wrong:
            errors[field.name] = wrong.problem
    return Form(raw, None if errors else shape(**values), errors)


class _Field(Struct, frozen=True):
    name: str
    kind: Any
    limits: Limits
    is_optional: bool
    is_list: bool
    default: Any


@cache
def _fields(shape: type[Struct]) -> tuple[_Field, ...]:
    hints = get_type_hints(shape, include_extras=True)
    made = []
    for info in msgspec.structs.fields(shape):
        kind, limits = _bare(hints[info.name])
        is_optional = get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)
        if is_optional:
            kind, inner = _bare(next(arg for arg in get_args(kind) if arg is not NoneType))
            limits = inner if inner != Limits() else limits
        is_list = get_origin(kind) in (list, tuple)
        if is_list:
            kind, inner = _bare(get_args(kind)[0])
            limits = inner if inner != Limits() else limits
        default = info.default_factory() if info.default_factory is not NODEFAULT else info.default
        made.append(_Field(info.name, kind, limits, is_optional, is_list, default))
    return tuple(made)


def _bare(hint: Any) -> tuple[Any, Limits]:
    if get_origin(hint) is Annotated:
        kind, *notes = get_args(hint)
        return kind, next((note for note in notes if isinstance(note, Limits)), Limits())
    return hint, Limits()


def _field(field: _Field, texts: list[str]) -> Any:
    if field.kind is bool:
        return bool(texts) and texts[-1] not in ("", "0", "false", "off")
    if field.is_list:
        return [_one(field, _clean(text, field)) for text in texts if text.strip()]
    text = _clean(texts[-1], field) if texts else ""
    if text == "":
        if field.is_optional:
            return None if field.default is NODEFAULT else field.default
        if field.default is not NODEFAULT:
            return field.default
        raise _Wrong("form.required")
    return _one(field, text)


def _clean(text: str, field: _Field) -> str:
    """Composed Unicode without control characters; PostgreSQL stores no NUL and labels print no escapes."""
    text = unicodedata.normalize("NFC", text)
    kept = "\n\t" if field.limits.is_multiline else ""
    return "".join(c for c in text if c in kept or unicodedata.category(c) not in ("Cc", "Cs")).strip()


def _one(field: _Field, text: str) -> Any:
    kind, limits = field.kind, field.limits
    if kind is str:
        most = limits.most or 200
        if len(text) > most:
            raise _Wrong("form.too_long", limit=most, value=len(text))
        if limits.least and len(text) < limits.least:
            raise _Wrong("form.too_short", limit=limits.least, value=len(text))
        return text
    if kind is int:
        return _within(_whole(text), limits)
    if kind is Decimal:
        return _within(_decimal(text), limits)
    if kind is UUID:
        return _tried(UUID, text, "form.choose_one")
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _tried(kind, text, "form.choose_one")
    if kind is date:
        return _tried(date.fromisoformat, text, "form.date_bad")
    if kind is datetime:
        return _tried(lambda said: datetime.fromisoformat(said).replace(tzinfo=None), text, "form.time_bad")
    if kind is time:
        return _tried(time.fromisoformat, text, "form.time_bad")
    raise TypeError(f"a form field of type {kind!r} cannot be read")


def _tried(make: Any, text: str, key: str) -> Any:
    try:
        return make(text)
    except ValueError:
        raise _Wrong(key) from None


def _whole(text: str) -> int:
    if not _DIGITS.fullmatch(text) or not text.isascii():
        raise _Wrong("form.whole_number", value=text[:20])
    return int(text)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise _Wrong("form.number", value=text[:20]) from None
    if not number.is_finite() or abs(number) > 10**9:
        raise _Wrong("form.number", value=text[:20])
    return number


def _within(number: Any, limits: Limits) -> Any:
    if (limits.least is not None and number < limits.least) or (limits.most is not None and number > limits.most):
        if limits.least is not None and limits.most is not None:
            raise _Wrong("form.number_bad", **{"from": limits.least, "to": limits.most})
        if limits.least is not None:
            raise _Wrong("form.number_least", limit=limits.least)
        raise _Wrong("form.number_most", limit=limits.most)
    return number
