"""What handlers are given: the acting person, and how a live route is marked."""

from typing import Any

from litestar.connection import Request
from litestar.di import NamedDependency

from dusangire.kernel.access import Actor
from dusangire.kernel.errors import SignInFirst

# Compression would hold back the head of a stream for ever; a stream also has no use for a second look at its body.
LIVE: dict[str, Any] = {"skip_compression": True}


def acting_person(request: Request) -> Actor:
    """Return the signed-in person. Raises SignInFirst on public routes that ask for one all the same."""
    actor: Actor | None = request.scope.get("user")
    if actor is None:
        raise SignInFirst
    return actor


Acting = NamedDependency[Actor]
