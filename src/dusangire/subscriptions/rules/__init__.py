"""What is decided about plans and points, without any input or output."""

from dusangire.subscriptions.rules import days, loyalty, plans, priority, worth
from dusangire.subscriptions.rules.loyalty import Lot, LoyaltyRule, Take
from dusangire.subscriptions.rules.machine import (
    OPEN,
    SUBSCRIPTION,
    TERM,
    USABLE,
    SubState,
    SubVerb,
    TermState,
    TermVerb,
    buttons,
)
from dusangire.subscriptions.rules.plans import KINDS, SPAN_DAYS, ForRole, Span, Terms
from dusangire.subscriptions.rules.using import LETTERS, No, Running, choose

__all__ = [
    "KINDS",
    "LETTERS",
    "OPEN",
    "SPAN_DAYS",
    "SUBSCRIPTION",
    "TERM",
    "USABLE",
    "ForRole",
    "Lot",
    "LoyaltyRule",
    "No",
    "Running",
    "Span",
    "SubState",
    "SubVerb",
    "Take",
    "TermState",
    "TermVerb",
    "Terms",
    "buttons",
    "choose",
    "days",
    "loyalty",
    "plans",
    "priority",
    "worth",
]
