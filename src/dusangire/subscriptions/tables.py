"""Plans, subscriptions, their periods, meals had from them, and points."""

from piccolo.columns import JSONB, UUID, Array, Boolean, Date, Integer, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow

from dusangire.kernel.db import OfHospital, Row


class Plan(OfHospital, tablename="plan"):
    code = Text(required=True)
    rev = Integer(required=True)
    name_en = Text(required=True)
    name_fr = Text(required=True)
    name_rw = Text(required=True)
    note = Text(default="")
    for_role = Text(required=True)
    span = Text(required=True)
    period_days = Integer(required=True)
    meals = Integer(null=True, default=None)
    letters = Array(base_column=Text())
    each_meal = Integer(null=True, default=None)
    daily_cap = Integer(required=True)
    regular_minor = Integer(required=True)
    discount_percent = Integer(required=True)
    price_minor = Integer(required=True)
    needs_diet = Array(base_column=Text(), default=list)
    made_by = UUID(required=True)
    made_at = Timestamptz(default=TimestamptzNow())
    replaced_at = Timestamptz(null=True, default=None)
    is_offered = Boolean(default=True)


class Subscription(OfHospital, tablename="subscription"):
    plan = UUID(required=True)
    plan_code = Text(required=True)
    patient = UUID(null=True, default=None)
    app_user = UUID(null=True, default=None)
    state = Text(required=True)
    method = Text(required=True)
    phone = Text(null=True, default=None)
    payer_user = UUID(required=True)
    paused_on = Date(null=True, default=None)
    made_at = Timestamptz(default=TimestamptzNow())
    state_at = Timestamptz(default=TimestamptzNow())


class PlanTerm(OfHospital, tablename="plan_term"):
    subscription = UUID(required=True)
    number = Integer(required=True)
    plan = UUID(required=True)
    price_minor = Integer(required=True)
    credit_minor = Integer(default=0)
    period_days = Integer(required=True)
    meals = Integer(null=True, default=None)
    used = Integer(default=0)
    state = Text(default="due")
    due_on = Date(required=True)
    asked_on = Date(null=True, default=None)
    told_on = Date(null=True, default=None)
    starts_on = Date(null=True, default=None)
    ends_on = Date(null=True, default=None)
    recognised_minor = Integer(default=0)
    returned_minor = Integer(default=0)
    made_at = Timestamptz(default=TimestamptzNow())


class PlanUse(OfHospital, tablename="plan_use"):
    term = UUID(required=True)
    tray = UUID(required=True)
    day = Date(required=True)
    letter = Text(required=True)
    worth_minor = Integer(required=True)
    total_minor = Integer(required=True)
    used_by = UUID(required=True)
    used_at = Timestamptz(default=TimestamptzNow())
    returned_at = Timestamptz(null=True, default=None)


class LoyaltyRule(Row, tablename="loyalty_rule"):
    hospital = Integer(primary_key=True)
    francs_per_point = Integer(required=True)
    bonus_points = Integer(required=True)
    bonus_minor = Integer(required=True)
    months = Integer(required=True)
    is_on = Boolean(default=True)
    changed_by = UUID(required=True)
    changed_at = Timestamptz(default=TimestamptzNow())


class LoyaltyCard(OfHospital, tablename="loyalty_card"):
    owner = UUID(required=True)
    balance = Integer(default=0)


class PointLot(OfHospital, tablename="point_lot"):
    owner = UUID(required=True)
    tray = UUID(required=True)
    points = Integer(required=True)
    left_points = Integer(required=True)
    point_minor = Integer(required=True)
    earned_at = Timestamptz(default=TimestamptzNow())
    expires_on = Date(required=True)


class PointMove(OfHospital, tablename="point_move"):
    owner = UUID(required=True)
    kind = Text(required=True)
    points = Integer(required=True)
    about = UUID(required=True)
    takes = JSONB(default="[]")
    at = Timestamptz(default=TimestamptzNow())
