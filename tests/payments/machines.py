"""Every state of a money machine against every verb, by every role: what the table lacks must be refused and change nothing."""

from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from dusangire.kernel.access import ROLES, Actor, Role
from dusangire.kernel.db import transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.machine import Machine, NotAllowed

S = TypeVar("S", bound=StrEnum)
V = TypeVar("V", bound=StrEnum)

Put = Callable[[S], Awaitable[UUID]]
Move = Callable[[Actor, UUID, V], Awaitable[object]]
Read = Callable[[UUID], Awaitable[str]]


async def wrong_moves(
    machine: Machine[S, V],
    verbs: Iterable[V],
    states: Iterable[S],
    actor: Actor,
    *,
    put: Put[S],
    move: Move[V],
    read: Read,
) -> list[tuple[Role, S, V, str]]:
    """Try the full product and return every (role, state, verb, what it is now) that is not as the table says.

    put: makes a thing in this state and returns its id. move: tries the verb as this actor; it may raise NotAllowed or
    Refusal. read: returns the state. Each try is a transaction of its own.
    """
    wrong = []
    for role in Role:
        who = Actor(actor.user, actor.hospital, role, ROLES[role], name=role.value, zone=actor.zone)
        for state in states:
            for verb in verbs:
                now = await _tried(who, state, verb, put=put, move=move, read=read)
                if now != machine.moves.get((state, verb), state):
                    wrong.append((role, state, verb, now))
    return wrong


async def _tried(who: Actor, state: S, verb: V, *, put: Put[S], move: Move[V], read: Read) -> str:
    made = await put(state)
    try:
        async with transaction():
            await move(who, made, verb)
    except (NotAllowed, Refusal):
        pass
    return await read(made)
