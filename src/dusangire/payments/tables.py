"""How each order is paid."""

from piccolo.columns import UUID, Integer, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow

from dusangire.kernel.db import OfHospital


class Payment(OfHospital, tablename="payment"):
    meal_order = UUID(required=True)
    method = Text(required=True)
    amount_minor = Integer(required=True)
    state = Text(required=True)
    created_at = Timestamptz(default=TimestamptzNow())
    settled_at = Timestamptz(null=True, default=None)
    settled_by = UUID(null=True, default=None)
