"""Reads of everything, for those who look at the whole; nothing here writes."""

from dusangire.reports.queries.analytics import DishCount, MissCount, Ratings, miss_counts, ratings, top_dishes
from dusangire.reports.queries.audit import AUDIT_PAGE, Entry, Named, entries, patients_like, people_like
from dusangire.reports.queries.fasting import FastCount, fasting_hours
from dusangire.reports.queries.lists import (
    PAGE,
    SHEET,
    MissRow,
    OrderRow,
    PaymentRow,
    StopRow,
    TaskRow,
    near_misses,
    open_tasks,
    orders,
    orders_count,
    payment_rows,
    stopped,
)
from dusangire.reports.queries.overrides import GivenOverride, overrides
from dusangire.reports.queries.system import Database, HospitalFigures, Waiting, all_hospitals, database, unrelayed
from dusangire.reports.queries.today import now_waiting, payments, stops, trays

__all__ = [
    "AUDIT_PAGE", "PAGE", "SHEET", "Database", "DishCount", "Entry", "FastCount", "GivenOverride",
    "HospitalFigures", "MissCount", "MissRow", "Named", "OrderRow", "PaymentRow", "Ratings", "StopRow", "TaskRow",
    "Waiting", "all_hospitals", "database", "entries", "fasting_hours", "miss_counts", "near_misses", "now_waiting",
    "open_tasks", "orders", "orders_count", "overrides", "patients_like", "payment_rows", "payments", "people_like",
    "ratings", "stopped", "stops", "top_dishes", "trays", "unrelayed",
]  # fmt: skip
