"""What can go wrong in a way a person can act on. Everything else is a bug and an ordinary exception."""

from typing import Any


class Refusal(Exception):
    """The program will not do this, and says why. The key names the words in the catalogue; facts fill them.

    `status` is the HTTP status: 409 where the world has changed, 403 where a rule forbids it, 422 for wrong input.
    """

    def __init__(self, key: str, *, status: int = 409, **facts: Any) -> None:
        super().__init__(key)
        self.key = key
        self.status = status
        self.facts = facts


class NotHere(Exception):
    """There is no such thing, or it belongs to somebody else: both read the same from outside (404)."""


class NoRight(Exception):
    """The person is known and may not do this (403)."""


class SignInFirst(Exception):
    """Nobody is signed in and the route asks for somebody."""


class OldPage(Exception):
    """The form carries no valid token: the page is older than the session, or was planted (403)."""


class SignInAgain(Exception):
    """The action asks for a sign-in within the last 10 minutes."""


class Busy(Exception):
    """Too much is asked at once; come back in `after_s` seconds (503)."""

    def __init__(self, after_s: int = 2) -> None:
        super().__init__("busy")
        self.after_s = after_s
