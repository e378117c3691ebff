"""What the figures mean: shares, sentences, charts, spreadsheets, and what a list may be asked for."""

from .charts import Bar, Line, bars, by_hour, lines, width_of
from .filters import (
    METHODS,
    SHOWS,
    STATES,
    WHYS,
    AuditFilter,
    EventFilter,
    OrderFilter,
    PaymentFilter,
    audit_filter,
    day_of,
    event_filter,
    order_filter,
    payment_filter,
)
from .sheets import cell, sheet
from .today import (
    ON_TIME_GOAL,
    RELAY_LAG_S,
    Need,
    Now,
    Paid,
    Share,
    Stop,
    TrayCount,
    by_meal,
    by_status,
    called_off,
    headline,
    mean,
    money_by_method,
    needs,
    ordered,
    settled,
    share,
    still_pending,
    things_key,
)

__all__ = [
    "METHODS", "ON_TIME_GOAL", "RELAY_LAG_S", "SHOWS", "STATES", "WHYS",
    "AuditFilter", "Bar", "EventFilter", "Line", "Need", "Now", "OrderFilter", "Paid", "PaymentFilter", "Share", "Stop",
    "TrayCount", "audit_filter", "bars", "by_hour", "by_meal", "by_status", "called_off", "cell", "day_of",
    "event_filter", "headline", "lines", "mean", "money_by_method", "needs", "order_filter", "ordered",
    "payment_filter",
    "settled", "share", "sheet", "still_pending", "things_key", "width_of",
]  # fmt: skip
