"""What the figures mean: shares, sentences, charts, spreadsheets, and what a list may be asked for."""

from .charts import Bar, Line, bars, by_hour, lines, width_of
from .filters import (
    SHOWS,
    WHYS,
    AuditFilter,
    EventFilter,
    OrderFilter,
    audit_filter,
    day_of,
    event_filter,
    order_filter,
)
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
    money_needs,
    needs,
    ordered,
    settled,
    share,
    still_pending,
    things_key,
)

__all__ = [
    "ON_TIME_GOAL", "RELAY_LAG_S", "SHOWS", "WHYS",
    "AuditFilter", "Bar", "EventFilter", "Line", "Need", "Now", "OrderFilter", "Paid", "Share", "Stop",
    "TrayCount", "audit_filter", "bars", "by_hour", "by_meal", "by_status", "called_off", "day_of",
    "event_filter", "headline", "lines", "mean", "money_by_method", "money_needs", "needs", "order_filter", "ordered",
    "settled", "share", "still_pending", "things_key", "width_of",
]  # fmt: skip
