"""The diet manual, allergies, diet orders, holds, verdicts kept and the work they make."""

from piccolo.columns import JSONB, UUID, Array, BigInt, Boolean, Integer, Numeric, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow

from dusangire.kernel.db import OfHospital, Row


class Diet(OfHospital, tablename="diet"):
    code = Text(required=True)
    name_en = Text(required=True)
    name_fr = Text(required=True)
    name_rw = Text(required=True)
    kind = Text(required=True)
    item_rules = Text(default="")
    note = Text(default="")
    source = Text(default="")
    standing = Text(default="")
    validated_by = Text(default="")


class DietRule(OfHospital, tablename="diet_rule"):
    diet = UUID(required=True)
    rule_kind = Text(required=True)
    subject = Text(default="")
    scope = Text(required=True)
    min = Numeric(digits=(9, 3), null=True, default=None)
    max = Numeric(digits=(9, 3), null=True, default=None)
    severity = Text(required=True)
    standing = Text(default="")
    source = Text(required=True)


class ManualRevision(Row, tablename="manual_revision"):
    hospital = Integer(required=True, primary_key=True)
    rev = BigInt(default=1)


class Allergy(OfHospital, tablename="allergy"):
    patient = UUID(required=True)
    code = Text(required=True)
    severity = Text(required=True)
    note = Text(default="")
    recorded_by = UUID(required=True)
    recorded_at = Timestamptz(default=TimestamptzNow())
    ended_at = Timestamptz(null=True, default=None)
    ended_by = UUID(null=True, default=None)
    end_reason = Text(null=True, default=None)


class DietOrder(OfHospital, tablename="diet_order"):
    patient = UUID(required=True)
    admission = UUID(required=True)
    status = Text(required=True)
    codes = Array(base_column=Text(), required=True)
    food_level = Integer(null=True, default=None)
    drink_level = Integer(null=True, default=None)
    limits = JSONB(default="{}")
    prevails = JSONB(default="{}")
    reason = Text(default="")
    start_at = Timestamptz(required=True)
    end_at = Timestamptz(null=True, default=None)
    revision = Integer(default=1)
    replaces = UUID(null=True, default=None)
    drafted_by = UUID(required=True)
    drafted_at = Timestamptz(default=TimestamptzNow())
    signed_by = UUID(null=True, default=None)
    signed_at = Timestamptz(null=True, default=None)
    is_under_protocol = Boolean(default=False)
    ended_by = UUID(null=True, default=None)
    ended_at = Timestamptz(null=True, default=None)


class NpoHold(OfHospital, tablename="npo_hold"):
    patient = UUID(required=True)
    reason = Text(required=True)
    start_at = Timestamptz(required=True)
    end_at = Timestamptz(null=True, default=None)
    set_by = UUID(required=True)
    set_at = Timestamptz(default=TimestamptzNow())
    cancelled_at = Timestamptz(null=True, default=None)
    cancelled_by = UUID(null=True, default=None)


class Task(OfHospital, tablename="task"):
    kind = Text(required=True)
    patient = UUID(null=True, default=None)
    about = Text(default="")
    facts = JSONB(default="{}")
    opened_at = Timestamptz(default=TimestamptzNow())
    done_at = Timestamptz(null=True, default=None)
    done_by = UUID(null=True, default=None)


class SafetyCheck(OfHospital, tablename="safety_check"):
    meal_order = UUID(required=True)
    patient = UUID(required=True)
    gate = Text(required=True)
    answer = Text(required=True)
    reasons = JSONB(default="[]")
    asks = JSONB(default="[]")
    safety_rev = BigInt(required=True)
    menu_rev = BigInt(required=True)
    manual_rev = BigInt(required=True)
    at = Timestamptz(default=TimestamptzNow())
