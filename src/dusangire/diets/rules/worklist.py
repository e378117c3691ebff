"""The worklist: why somebody needs the nutritionist, and who comes first."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from .facts import Kind, Reason


class Need(StrEnum):
    """Why a patient is on the list, the most pressing first."""

    UNCODED = "uncoded"
    CLASH = "clash"
    FEED = "feed"
    NO_ORDER = "no_order"
    NOT_ASKED = "not_asked"
    NO_WEIGHT = "no_weight"
    UNKNOWN = "unknown"
    BLOCKED = "blocked_attempt"
    REQUEST = "special_request"
    DRAFT = "draft_waits"
    TASK = "task"

    @property
    def is_about_safety(self) -> bool:
        """Whether no meal can be sent before it is settled."""
        return self in _STOPS


_STOPS = frozenset({Need.UNCODED, Need.CLASH, Need.NO_ORDER, Need.NOT_ASKED, Need.NO_WEIGHT, Need.UNKNOWN})
_OF_ALLERGY = {"not_asked": Need.NOT_ASKED, "uncoded": Need.UNCODED}
_OF_TASK = {
    "uncoded_allergy": Need.UNCODED,
    "feed_allergy": Need.FEED,
    "no_diet_order": Need.NO_ORDER,
    "blocked_attempt": Need.BLOCKED,
    "special_request": Need.REQUEST,
    "draft_waits": Need.DRAFT,
}
_ORDER = list(Need)
# How long a task may wait before somebody else is told.
_MAY_WAIT = {"uncoded_allergy": timedelta(minutes=15)}
# Tasks that end with their cause, and by no button: while it lasts, somebody has to see it.
ENDS_WITH_ITS_CAUSE = frozenset({"uncoded_allergy", "override_second"})


def needs(reasons: Iterable[Reason], tasks: Iterable[str]) -> tuple[Need, ...]:
    """Return why a patient needs somebody, each need once, the most pressing first.

    `reasons` are what a verdict has to say of the patient alone; `tasks` the kinds of the open tasks.
    """
    found = {_of_reason(reason) for reason in reasons if reason.kind is Kind.UNKNOWN}
    found |= {_OF_TASK.get(kind, Need.TASK) for kind in tasks}
    return tuple(sorted(found, key=_ORDER.index))


def is_overdue(kind: str, opened_at: datetime, now: datetime) -> bool:
    """Whether a task has waited longer than its kind may."""
    return kind in _MAY_WAIT and now - opened_at >= _MAY_WAIT[kind]


def _of_reason(reason: Reason) -> Need:
    if reason.source == "ALLERGY":
        return _OF_ALLERGY.get(reason.rule, Need.UNKNOWN)
    if reason.source == "CONTRADICTION":
        return Need.CLASH
    if reason.rule == "no_active_order":
        return Need.NO_ORDER
    return Need.NO_WEIGHT if reason.rule == "weight_unknown" else Need.UNKNOWN
