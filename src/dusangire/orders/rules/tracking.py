"""Where a tray is, in five steps a patient understands."""

from datetime import datetime

from msgspec import Struct

from .machine import Status

_S = Status
_REACHED: dict[Status, int] = {
    _S.AWAITING_PAYMENT: 1, _S.IN_REVIEW: 1, _S.CONFIRMED: 1, _S.HELD: 1, _S.PROBLEM: 2, _S.PREPARING: 2, _S.READY: 3,
    _S.OUT_FOR_DELIVERY: 4, _S.ARRIVED: 4, _S.UNDELIVERED: 4, _S.DELIVERED: 5, _S.COMPLETED: 5,
}  # fmt: skip
_NAMES = ("ordered", "cooking", "checked", "coming", "there")
_FINISHED = frozenset({_S.DELIVERED, _S.COMPLETED})


class Step(Struct, frozen=True):
    """One of the five steps: its key, when it was reached, and whether it is behind us or now."""

    key: str
    at: datetime | None
    is_done: bool
    is_now: bool


def pace(status: Status) -> int:
    """Return how many of the five steps are reached; 0 for a tray that nobody will bring."""
    return _REACHED.get(status, 0)


def steps(status: Status, times: tuple[datetime | None, ...]) -> tuple[Step, ...]:
    """Return the five steps; `times` are placed, started, ready, left and delivered."""
    reached, is_over = pace(status), status in _FINISHED
    return tuple(
        Step(
            key=f"order.step.{name}",
            at=at if number <= reached else None,
            is_done=number < reached or is_over,
            is_now=number == reached and not is_over,
        )
        for number, (name, at) in enumerate(zip(_NAMES, times, strict=True), start=1)
    )
