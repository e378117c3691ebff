"""Trays, from the cart to the rating."""

from decimal import Decimal

from piccolo.columns import UUID, Boolean, Bytea, Date, Integer, Numeric, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow

from dusangire.kernel.db import OfHospital, Row


class Cart(OfHospital, tablename="cart"):
    patient = UUID(required=True)
    day = Date(required=True)
    period = Text(required=True)
    checked_out_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz(default=TimestamptzNow())


class CartLine(OfHospital, tablename="cart_line"):
    cart = UUID(required=True)
    dish = UUID(required=True)
    portion = Numeric(digits=(2, 1), default=Decimal(1))
    quantity = Integer(required=True)
    added_at = Timestamptz(default=TimestamptzNow())


class MealOrder(OfHospital, tablename="meal_order"):
    code = Text(required=True)
    tray_token = Text(required=True)
    patient = UUID(required=True)
    admission = UUID(required=True)
    cart = UUID(null=True, default=None)
    day = Date(required=True)
    period = Text(required=True)
    serve_from = Timestamptz(required=True)
    serve_to = Timestamptz(required=True)
    status = Text(required=True)
    held_from = Text(null=True, default=None)
    hold_reason = Text(default="")
    is_late_tray = Boolean(default=False)
    place = Text(default="bed")
    place_name = Text(default="")
    request = Text(default="")
    request_state = Text(default="none")
    items_minor = Integer(required=True)
    tax_minor = Integer(default=0)
    delivery_minor = Integer(default=0)
    discount_minor = Integer(default=0)
    total_minor = Integer(required=True)
    vat_minor = Integer(default=0)
    problem = Text(default="")
    placed_by = UUID(required=True)
    placed_as = Text(default="nurse")
    automatic = Text(default="")
    automatic_key = Text(null=True, default=None)
    replaces = UUID(null=True, default=None)
    cutoff_at = Timestamptz(required=True)
    placed_at = Timestamptz(default=TimestamptzNow())
    status_at = Timestamptz(default=TimestamptzNow())
    started_at = Timestamptz(null=True, default=None)
    ready_at = Timestamptz(null=True, default=None)
    left_at = Timestamptz(null=True, default=None)
    arrived_at = Timestamptz(null=True, default=None)
    delivered_at = Timestamptz(null=True, default=None)
    confirmed_at = Timestamptz(null=True, default=None)


class OrderLine(OfHospital, tablename="order_line"):
    meal_order = UUID(required=True)
    position = Integer(required=True)
    dish = UUID(required=True)
    dish_code = Text(required=True)
    name_en = Text(required=True)
    name_fr = Text(required=True)
    name_rw = Text(required=True)
    portion = Numeric(digits=(2, 1), required=True)
    quantity = Integer(required=True)
    price_minor = Integer(required=True)
    recipe_rev = Integer(required=True)
    replaced_at = Timestamptz(null=True, default=None)


class OrderLineChange(OfHospital, tablename="order_line_change"):
    meal_order = UUID(required=True)
    old_line = UUID(required=True)
    new_line = UUID(required=True)
    old_token = Text(required=True)
    why = Text(required=True)
    changed_by = UUID(required=True)
    changed_at = Timestamptz(default=TimestamptzNow())


class InsulinMeal(OfHospital, tablename="insulin_meal"):
    meal_order = UUID(required=True)
    patient = UUID(required=True)
    carb_g = Numeric(digits=(9, 4), null=True, default=None)
    here_at = Timestamptz(null=True, default=None)
    given_at = Timestamptz(null=True, default=None)
    given_by = UUID(null=True, default=None)
    late_told_at = Timestamptz(null=True, default=None)
    escalated_at = Timestamptz(null=True, default=None)
    seen_at = Timestamptz(null=True, default=None)
    seen_by = UUID(null=True, default=None)


class TrayIntake(OfHospital, tablename="tray_intake"):
    meal_order = UUID(required=True)
    eaten = Text(required=True)
    said_by = UUID(required=True)
    said_at = Timestamptz(default=TimestamptzNow())


class Rating(OfHospital, tablename="rating"):
    meal_order = UUID(required=True)
    stars = Integer(required=True)
    reason = Text(default="")
    comment = Text(default="")
    rated_by = UUID(required=True)
    rated_at = Timestamptz(default=TimestamptzNow())


class DeliveryZone(OfHospital, tablename="delivery_zone"):
    code = Text(required=True)
    name = Text(required=True)
    kind = Text(required=True)
    place = Text(null=True, default=None)
    charge_minor = Integer(required=True)


class Idempotency(Row, tablename="idempotency"):
    hospital = Integer(required=True)
    key = Text(required=True, primary_key=True)
    app_user = UUID(required=True)
    body_hash = Bytea(required=True)
    answer = Text(default="")
    created_at = Timestamptz(default=TimestamptzNow())
