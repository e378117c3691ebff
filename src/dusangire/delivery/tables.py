"""Runs, hand-overs and near misses."""

from piccolo.columns import UUID, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow

from dusangire.kernel.db import OfHospital


class DeliveryRun(OfHospital, tablename="delivery_run"):
    carrier = UUID(required=True)
    started_at = Timestamptz(default=TimestamptzNow())
    ended_at = Timestamptz(null=True, default=None)


class DeliveryStop(OfHospital, tablename="delivery_stop"):
    run = UUID(required=True)
    meal_order = UUID(required=True)
    added_at = Timestamptz(default=TimestamptzNow())
    dropped_at = Timestamptz(null=True, default=None)
    drop_reason = Text(default="")
    tray_scanned_at = Timestamptz(null=True, default=None)
    bed_checked_at = Timestamptz(null=True, default=None)
    bed_method = Text(null=True, default=None)
    checked_bed = UUID(null=True, default=None)
    recalled_at = Timestamptz(null=True, default=None)
    recall_seen_at = Timestamptz(null=True, default=None)


class Handover(OfHospital, tablename="handover"):
    meal_order = UUID(required=True)
    patient = UUID(required=True)
    bed = UUID(null=True, default=None)
    method = Text(required=True)
    proof = Text(required=True)
    proof_file = Text(null=True, default=None)
    signed_as = Text(default="")
    handed_by = UUID(required=True)
    handed_at = Timestamptz(default=TimestamptzNow())
    undone_at = Timestamptz(null=True, default=None)


class NearMiss(OfHospital, tablename="near_miss"):
    meal_order = UUID(required=True)
    kind = Text(required=True)
    scanned_bed = UUID(null=True, default=None)
    seen_by = UUID(required=True)
    seen_at = Timestamptz(default=TimestamptzNow())
