"""The order machine: one order is one tray, for one person, for one meal period."""

from enum import StrEnum

from dusangire.diets.rules import Gate
from dusangire.kernel.machine import Machine


class Status(StrEnum):
    """Where a tray stands."""

    AWAITING_PAYMENT = "awaiting_payment"
    IN_REVIEW = "in_review"
    CONFIRMED = "confirmed"
    PREPARING = "preparing"
    READY = "ready"
    OUT_FOR_DELIVERY = "out_for_delivery"
    ARRIVED = "arrived"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    HELD = "held"
    PROBLEM = "problem"
    UNDELIVERED = "undelivered"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    EXPIRED = "expired"

    @property
    def key(self) -> str:
        """The catalogue's key of its name; `.say` after it is the sentence for the patient."""
        return "status.out" if self is Status.OUT_FOR_DELIVERY else f"status.{self}"


class Verb(StrEnum):
    """What can be done to a tray."""

    AWAIT = "await"
    CONFIRM = "confirm"
    START = "start"
    PLATE = "plate"
    COLLECT = "collect"
    ARRIVE = "arrive"
    HAND_OVER = "hand_over"
    COMPLETE = "complete"
    RECALL = "recall"
    HOLD = "hold"
    RELEASE = "release"
    REPORT = "report"
    REMAKE = "remake"
    FAIL = "fail"
    REOFFER = "reoffer"
    CANCEL = "cancel"
    REFUSE = "refuse"
    EXPIRE = "expire"


_S, _V = Status, Verb
_UNFINISHED = frozenset({
    _S.AWAITING_PAYMENT, _S.IN_REVIEW, _S.CONFIRMED, _S.PREPARING, _S.READY, _S.OUT_FOR_DELIVERY, _S.ARRIVED,
})  # fmt: skip

# RELEASE leads back to the start of cooking: what was held is looked at and made again, never resumed midway.
ORDER: Machine[Status, Verb] = Machine(
    _S.IN_REVIEW,
    [
        (_V.AWAIT, frozenset({_S.IN_REVIEW}), _S.AWAITING_PAYMENT),
        (_V.CONFIRM, frozenset({_S.IN_REVIEW, _S.AWAITING_PAYMENT}), _S.CONFIRMED),
        (_V.START, frozenset({_S.CONFIRMED}), _S.PREPARING),
        (_V.PLATE, frozenset({_S.PREPARING}), _S.READY),
        (_V.RECALL, frozenset({_S.READY}), _S.PREPARING),
        (_V.COLLECT, frozenset({_S.READY}), _S.OUT_FOR_DELIVERY),
        (_V.ARRIVE, frozenset({_S.OUT_FOR_DELIVERY}), _S.ARRIVED),
        (_V.HAND_OVER, frozenset({_S.OUT_FOR_DELIVERY, _S.ARRIVED}), _S.DELIVERED),
        (_V.COMPLETE, frozenset({_S.DELIVERED}), _S.COMPLETED),
        (_V.HOLD, _UNFINISHED | {_S.PROBLEM}, _S.HELD),
        (_V.RELEASE, frozenset({_S.HELD}), _S.CONFIRMED),
        (_V.REPORT, frozenset({_S.CONFIRMED, _S.PREPARING, _S.READY}), _S.PROBLEM),
        (_V.REMAKE, frozenset({_S.PROBLEM}), _S.CONFIRMED),
        (_V.FAIL, frozenset({_S.OUT_FOR_DELIVERY, _S.ARRIVED}), _S.UNDELIVERED),
        (_V.REOFFER, frozenset({_S.UNDELIVERED}), _S.OUT_FOR_DELIVERY),
        (_V.CANCEL, _UNFINISHED | {_S.HELD, _S.PROBLEM, _S.UNDELIVERED}, _S.CANCELLED),
        (_V.REFUSE, frozenset({_S.IN_REVIEW, _S.HELD}), _S.REFUSED),
        (_V.EXPIRE, frozenset({_S.AWAITING_PAYMENT, _S.IN_REVIEW, _S.HELD}), _S.EXPIRED),
    ],
)

# The moves that bring a tray nearer to a mouth, and the gate each is judged at. No other move needs a verdict.
GATES: dict[Verb, Gate] = {
    _V.CONFIRM: Gate.CHECKOUT,
    _V.RELEASE: Gate.CHECKOUT,
    _V.REMAKE: Gate.FIRE,
    _V.START: Gate.FIRE,
    _V.PLATE: Gate.PLATE,
    _V.COLLECT: Gate.DISPATCH,
    _V.REOFFER: Gate.DISPATCH,
    _V.ARRIVE: Gate.DISPATCH,
    _V.HAND_OVER: Gate.HANDOVER,
}

# Trays that a change of the patient's diet can still stop.
OPEN = frozenset(_UNFINISHED | {_S.PROBLEM})
# The gated moves of a tray that was not open before: who changes the menu or the manual had no reason to look at it.
REOPENS = frozenset(verb for verb in GATES if not ORDER.sources(verb) <= OPEN)
# Trays that count in no budget: nobody will eat them.
GONE = frozenset({_S.CANCELLED, _S.REFUSED, _S.EXPIRED})

# Trays that were being made or carried: one that is stopped there is replaced.
REPLACED_FROM = frozenset({_S.PREPARING, _S.READY, _S.OUT_FOR_DELIVERY, _S.ARRIVED})
# Trays that were out of the kitchen: one that is stopped there is called back.
RECALLED_FROM = frozenset({_S.OUT_FOR_DELIVERY, _S.ARRIVED})
# Trays that end with the patient's stay, or when the hospital stops them.
CALLABLE_OFF = OPEN | {_S.HELD, _S.UNDELIVERED}
# The moment each state keeps on the order, so that the page can say when.
MARKS: dict[Status, str] = {
    _S.PREPARING: "started_at",
    _S.READY: "ready_at",
    _S.OUT_FOR_DELIVERY: "left_at",
    _S.ARRIVED: "arrived_at",
    _S.DELIVERED: "delivered_at",
    _S.COMPLETED: "confirmed_at",
}
# The moves after which the tray is cooked anew, so that its earlier moments no longer hold.
RESTARTS = frozenset({_V.RELEASE, _V.REMAKE})
