"""Reads of everything, for those who look at the whole; nothing here writes."""

from dusangire.reports.queries.analytics import (
    DishCount,
    MissCount,
    Ratings,
    RecallTimes,
    miss_counts,
    ratings,
    recall_times,
    top_dishes,
)
from dusangire.reports.queries.audit import AUDIT_PAGE, Entry, Named, entries, patients_like, people_like
from dusangire.reports.queries.fasting import FastCount, fasting_hours
from dusangire.reports.queries.lists import (
    PAGE,
    SHEET,
    MissRow,
    OrderRow,
    StopRow,
    TaskRow,
    near_misses,
    open_tasks,
    orders,
    orders_count,
    stopped,
)
from dusangire.reports.queries.overrides import GivenOverride, overrides
from dusangire.reports.queries.system import Database, HospitalFigures, Waiting, all_hospitals, database, unrelayed
from dusangire.reports.queries.today import now_waiting, payments, stops, trays

__all__ = [
    "AUDIT_PAGE", "PAGE", "SHEET", "Database", "DishCount", "Entry", "FastCount", "GivenOverride", "HospitalFigures",
    "MissCount", "MissRow", "Named", "OrderRow", "Ratings", "RecallTimes", "StopRow", "TaskRow",
    "Waiting", "all_hospitals", "database", "entries", "fasting_hours", "miss_counts", "near_misses", "now_waiting",
    "open_tasks", "orders", "orders_count", "overrides", "patients_like", "payments", "people_like",
    "ratings", "recall_times", "stopped", "stops", "top_dishes", "trays", "unrelayed",
]  # fmt: skip
