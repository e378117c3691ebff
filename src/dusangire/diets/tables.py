"""The diet manual, allergies, diet orders, holds, verdicts kept and the work they make."""

from piccolo.columns import JSONB, UUID, Array, BigInt, Boolean, Date, Integer, Numeric, Text, Time, Timestamptz
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
    procedure_at = Timestamptz(null=True, default=None)
    extended_at = Timestamptz(null=True, default=None)
    extended_by = UUID(null=True, default=None)


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


class DietOverride(OfHospital, tablename="diet_override"):
    patient = UUID(required=True)
    day = Date(required=True)
    period = Text(required=True)
    dish = UUID(required=True)
    source = Text(required=True)
    rule = Text(required=True)
    subject = Text(required=True)
    scope = Text(required=True)
    bound = Text(default="")
    value = Numeric(null=True, default=None)
    most = Numeric(null=True, default=None)
    unit = Text(default="")
    reason = Text(required=True)
    given_by = UUID(required=True)
    given_at = Timestamptz(default=TimestamptzNow())
    seconded_by = UUID(null=True, default=None)
    seconded_at = Timestamptz(null=True, default=None)
    safety_rev = BigInt(required=True)
    expires_at = Timestamptz(required=True)
    withdrawn_at = Timestamptz(null=True, default=None)
    withdrawn_by = UUID(null=True, default=None)


class MealStop(OfHospital, tablename="meal_stop"):
    reason = Text(required=True)
    set_by = UUID(required=True)
    set_at = Timestamptz(default=TimestamptzNow())
    ended_by = UUID(null=True, default=None)
    ended_at = Timestamptz(null=True, default=None)


class CareFlag(OfHospital, tablename="care_flag"):
    patient = UUID(required=True)
    kind = Text(required=True)
    note = Text(default="")
    set_by = UUID(required=True)
    set_at = Timestamptz(default=TimestamptzNow())
    ended_by = UUID(null=True, default=None)
    ended_at = Timestamptz(null=True, default=None)


class AdvancementProtocol(OfHospital, tablename="advancement_protocol"):
    patient = UUID(required=True)
    admission = UUID(required=True)
    reason = Text(default="")
    signed_by = UUID(required=True)
    signed_at = Timestamptz(default=TimestamptzNow())
    ended_at = Timestamptz(null=True, default=None)
    ended_by = UUID(null=True, default=None)
    end_reason = Text(null=True, default=None)


class AdvancementStep(OfHospital, tablename="advancement_step"):
    protocol = UUID(required=True)
    position = Integer(required=True)
    code = Text(required=True)
    drink_level = Integer(null=True, default=None)
    least_hours = Integer(required=True)


class AdvancementMove(OfHospital, tablename="advancement_move"):
    protocol = UUID(required=True)
    position = Integer(required=True)
    diet_order = UUID(required=True)
    moved_by = UUID(required=True)
    moved_at = Timestamptz(default=TimestamptzNow())


class ManualVersion(OfHospital, tablename="manual_version"):
    rev = BigInt(required=True)
    content = JSONB(required=True)
    note = Text(default="")
    changed = Array(base_column=Text(), default=list)
    drafted_by = UUID(null=True, default=None)
    signed_by = UUID(null=True, default=None)
    signed_at = Timestamptz(default=TimestamptzNow())


class ManualDraft(OfHospital, tablename="manual_draft"):
    status = Text(required=True)
    base_rev = BigInt(required=True)
    from_rev = BigInt(required=True)
    content = JSONB(required=True)
    note = Text(default="")
    revision = Integer(default=1)
    drafted_by = UUID(required=True)
    drafted_at = Timestamptz(default=TimestamptzNow())
    authors = Array(base_column=UUID(), default=list)
    changed_at = Timestamptz(default=TimestamptzNow())


class FoodDrugNote(OfHospital, tablename="food_drug_note"):
    flag = Text(required=True)
    subject_kind = Text(required=True)
    subject = Text(required=True)
    threshold = Numeric(digits=(9, 3), null=True, default=None)
    kind = Text(required=True)
    text_key = Text(required=True)
    source = Text(required=True)


class FeedProduct(OfHospital, tablename="feed_product"):
    code = Text(required=True)
    name_en = Text(required=True)
    name_fr = Text(required=True)
    name_rw = Text(required=True)
    unit = Text(required=True)
    unit_ml = Numeric(digits=(9, 3), required=True)
    unit_kcal = Numeric(digits=(9, 3), required=True)
    unit_protein_g = Numeric(digits=(9, 3), required=True)
    allergens = Array(base_column=Text(), default=list)
    by_mouth = Boolean(required=True)
    by_tube = Boolean(required=True)
    dish_code = Text(default="")
    source = Text(required=True)
    validated_by = Text(default="")
    written_by = UUID(null=True, default=None)
    is_offered = Boolean(default=True)
    revision = Integer(default=1)


class FeedOrder(OfHospital, tablename="feed_order"):
    patient = UUID(required=True)
    admission = UUID(required=True)
    product = UUID(required=True)
    unit_ml = Numeric(digits=(9, 3), required=True)
    unit_kcal = Numeric(digits=(9, 3), required=True)
    unit_protein_g = Numeric(digits=(9, 3), required=True)
    dish_code = Text(default="")
    route = Text(required=True)
    pace = Text(required=True)
    total_ml = Numeric(digits=(9, 3), null=True, default=None)
    hours = Integer(null=True, default=None)
    rate_ml_h = Numeric(digits=(9, 3), null=True, default=None)
    amount = Numeric(digits=(9, 3), null=True, default=None)
    times = Array(base_column=Time(), default=list)
    continues_in_npo = Boolean(default=False)
    reason = Text(default="")
    start_at = Timestamptz(required=True)
    end_at = Timestamptz(null=True, default=None)
    signed_by = UUID(required=True)
    signed_at = Timestamptz(default=TimestamptzNow())
    confirmed_at = Timestamptz(default=TimestamptzNow())
    suspended_at = Timestamptz(null=True, default=None)
    stopped_by = UUID(null=True, default=None)
    stopped_at = Timestamptz(null=True, default=None)
    stop_reason = Text(default="")


class FeedGiven(OfHospital, tablename="feed_given"):
    patient = UUID(required=True)
    feed_order = UUID(required=True)
    what = Text(required=True)
    amount = Numeric(digits=(9, 3), required=True)
    at = Timestamptz(required=True)
    note = Text(default="")
    recorded_by = UUID(required=True)
    recorded_at = Timestamptz(default=TimestamptzNow())
