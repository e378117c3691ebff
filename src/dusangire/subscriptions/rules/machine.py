"""What may become of a subscription, and of one period of it."""

from enum import StrEnum

from dusangire.kernel.machine import Machine


class SubState(StrEnum):
    """Where a subscription stands."""

    AWAITING = "awaiting"
    RUNNING = "running"
    PAUSED = "paused"
    CHANGING = "changing"
    ENDING = "ending"
    OVERDUE = "overdue"
    LAPSED = "lapsed"
    ENDED = "ended"

    @property
    def key(self) -> str:
        """The catalogue's word for it."""
        return f"plans.state.{self.value}"


class SubVerb(StrEnum):
    """What can happen to a subscription."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CHANGE = "change"
    KEEP = "keep"
    CANCEL = "cancel"
    CANCEL_NOW = "cancel_now"
    FALL_DUE = "fall_due"
    LAPSE = "lapse"
    END = "end"
    REACTIVATE = "reactivate"


_S, _V = SubState, SubVerb
# Where a person has one of these, the same plan is not sold to them again.
OPEN = frozenset(_S) - {_S.LAPSED, _S.ENDED}
# Where meals can be had.
USABLE = frozenset({_S.RUNNING, _S.ENDING})

SUBSCRIPTION: Machine[SubState, SubVerb] = Machine(
    _S.AWAITING,
    [
        (_V.START, frozenset({_S.AWAITING, _S.OVERDUE, _S.CHANGING}), _S.RUNNING),
        (_V.PAUSE, frozenset({_S.RUNNING}), _S.PAUSED),
        (_V.RESUME, frozenset({_S.PAUSED}), _S.RUNNING),
        (_V.CHANGE, frozenset({_S.RUNNING}), _S.CHANGING),
        (_V.KEEP, frozenset({_S.ENDING, _S.CHANGING}), _S.RUNNING),
        (_V.CANCEL, frozenset({_S.RUNNING}), _S.ENDING),
        (_V.CANCEL_NOW, frozenset({_S.AWAITING, _S.RUNNING, _S.PAUSED, _S.ENDING, _S.OVERDUE}), _S.ENDED),
        (_V.FALL_DUE, frozenset({_S.RUNNING}), _S.OVERDUE),
        (_V.LAPSE, frozenset({_S.AWAITING, _S.OVERDUE}), _S.LAPSED),
        (_V.END, frozenset({_S.ENDING, _S.RUNNING}), _S.ENDED),
        (_V.REACTIVATE, frozenset({_S.LAPSED, _S.ENDED}), _S.AWAITING),
    ],
)
# What the owner does by a button; the rest is done by payments and by the clock.
BY_HAND = frozenset({_V.PAUSE, _V.RESUME, _V.CHANGE, _V.KEEP, _V.CANCEL, _V.CANCEL_NOW, _V.REACTIVATE})


def buttons(state: SubState) -> tuple[SubVerb, ...]:
    """Return what the owner may do now, in the order in which it is offered."""
    return tuple(verb for verb in SUBSCRIPTION.verbs(state) if verb in BY_HAND)


class TermState(StrEnum):
    """Where one period of a subscription stands."""

    DUE = "due"
    RUNNING = "running"
    OVER = "over"
    DROPPED = "dropped"


class TermVerb(StrEnum):
    """What can happen to one period."""

    START = "start"
    CLOSE = "close"
    DROP = "drop"


TERM: Machine[TermState, TermVerb] = Machine(
    TermState.DUE,
    [
        (TermVerb.START, frozenset({TermState.DUE}), TermState.RUNNING),
        (TermVerb.CLOSE, frozenset({TermState.RUNNING}), TermState.OVER),
        (TermVerb.DROP, frozenset({TermState.DUE}), TermState.DROPPED),
    ],
)
