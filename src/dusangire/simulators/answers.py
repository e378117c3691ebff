"""Calls and answers, as plain as they are on the wire."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T")


class Call(Struct, frozen=True):
    """A request. path: below the provider's prefix, in parts. headers: names in small letters."""

    method: str
    path: list[str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def read(self, shape: type[T]) -> T | None:
        """Return the body in this shape; None where it has another."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


class Answer(Struct, frozen=True):
    """What goes back."""

    status: int
    content: bytes = b""
    media_type: str = "application/json"
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)


def as_json(status: int, said: object, **headers: str) -> Answer:
    return Answer(status, msgspec.json.encode(said), headers=headers)
