"""What the kitchen itself writes down."""

from piccolo.columns import UUID, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow

from dusangire.kernel.db import OfHospital


class StopSeen(OfHospital, tablename="stop_seen"):
    meal_order = UUID(required=True)
    stopped_at = Timestamptz(required=True)
    seen_by = UUID(required=True)
    seen_at = Timestamptz(default=TimestamptzNow())
