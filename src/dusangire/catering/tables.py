"""Trays of the staff, and events from the request to the invoice."""

from piccolo.columns import UUID, Array, Date, Integer, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow

from dusangire.kernel.db import OfHospital


class StaffDiner(OfHospital, tablename="staff_diner"):
    app_user = UUID(required=True)
    allergens = Array(base_column=Text(), default=list)
    changed_at = Timestamptz(default=TimestamptzNow())


class StaffTray(OfHospital, tablename="staff_tray"):
    code = Text(required=True)
    app_user = UUID(required=True)
    day = Date(required=True)
    period = Text(required=True)
    serve_from = Timestamptz(required=True)
    serve_to = Timestamptz(required=True)
    cutoff_at = Timestamptz(required=True)
    area = Text(required=True)
    status = Text(required=True)
    total_minor = Integer(required=True)
    placed_at = Timestamptz(default=TimestamptzNow())
    status_at = Timestamptz(default=TimestamptzNow())


class StaffTrayLine(OfHospital, tablename="staff_tray_line"):
    tray = UUID(required=True)
    dish = UUID(required=True)
    dish_code = Text(required=True)
    name_en = Text(required=True)
    name_fr = Text(required=True)
    name_rw = Text(required=True)
    price_minor = Integer(required=True)


class CateringEvent(OfHospital, tablename="catering_event"):
    key = Text(required=True)
    code = Text(required=True)
    title = Text(required=True)
    starts_at = Timestamptz(required=True)
    place = Text(required=True)
    heads = Integer(required=True)
    wishes = Text(default="")
    bill_to = Text(required=True)
    phone = Text(default="")
    asked_by = UUID(required=True)
    asked_at = Timestamptz(default=TimestamptzNow())
    status = Text(required=True)
    status_at = Timestamptz(default=TimestamptzNow())
    service_minor = Integer(default=0)
    total_minor = Integer(default=0)
    quote_rev = Integer(default=0)
    quote_note = Text(default="")
    valid_until = Date(null=True, default=None)
    reason = Text(default="")


class CateringLine(OfHospital, tablename="catering_line"):
    event = UUID(required=True)
    quote_rev = Integer(required=True)
    dish = UUID(required=True)
    dish_code = Text(required=True)
    name_en = Text(required=True)
    name_fr = Text(required=True)
    name_rw = Text(required=True)
    quantity = Integer(required=True)
    price_minor = Integer(required=True)
