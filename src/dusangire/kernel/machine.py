"""State machines as one table of (verb, from, to): what may follow what, and nothing else."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)
V = TypeVar("V", bound=StrEnum)


class NotAllowed(Exception):
    """The verb does not lead out of this state."""


class Machine(Generic[S, V]):
    """The legal moves of one kind of thing. Built from rows of (verb, {from states}, to state)."""

    def __init__(self, start: S, rows: Iterable[tuple[V, frozenset[S], S]]) -> None:
        self.start = start
        self.rows = tuple(rows)
        self._moves: dict[tuple[S, V], S] = {}
        for verb, sources, target in self.rows:
            for source in sources:
                if (source, verb) in self._moves:
                    raise ValueError(f"{verb} leads out of {source} twice")
                self._moves[source, verb] = target

    @property
    def moves(self) -> Mapping[tuple[S, V], S]:
        """Every legal move: (state, verb) to the state it leads to."""
        return self._moves

    def after(self, state: S, verb: V) -> S:
        """Return the state the verb leads to. Raises NotAllowed."""
        try:
            return self._moves[state, verb]
        except KeyError:
            raise NotAllowed(f"{verb} is not possible while {state}") from None

    def verbs(self, state: S) -> tuple[V, ...]:
        """Return what can be done now, in the order of the table: the buttons to draw."""
        return tuple(verb for verb, sources, _ in self.rows if state in sources)

    def sources(self, verb: V) -> frozenset[S]:
        """Return the states the verb may start from: the guard of the write."""
        return frozenset(source for source, said in self._moves if said == verb)

    def reachable(self) -> frozenset[S]:
        """Return every state that some sequence of verbs reaches from the start."""
        seen, todo = {self.start}, [self.start]
        while todo:
            state = todo.pop()
            for (source, _), target in self._moves.items():
                if source == state and target not in seen:
                    seen.add(target)
                    todo.append(target)
        return frozenset(seen)

    def ends(self) -> frozenset[S]:
        """Return the reachable states that nothing leads out of."""
        return frozenset(state for state in self.reachable() if not self.verbs(state))
