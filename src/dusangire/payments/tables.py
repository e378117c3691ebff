"""Payments as intents, refunds, and the ledger they post to."""

from piccolo.columns import JSONB, UUID, Array, BigInt, BigSerial, Boolean, Date, Integer, SmallInt, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow

from dusangire.kernel.db import OfHospital, Row


class Payment(OfHospital, tablename="payment"):
    meal_order = UUID(null=True, default=None)
    purpose = Text(default="order")
    subject = UUID(required=True)
    share = SmallInt(default=1)
    payer = Text(default="patient")
    payer_user = UUID(null=True, default=None)
    method = Text(required=True)
    amount_minor = Integer(required=True)
    currency = Text(default="RWF")
    state = Text(required=True)
    reference = UUID(required=True)
    code = Text(null=True, default=None)
    phone = Text(null=True, default=None)
    base_url = Text(null=True, default=None)
    provider_ref = Text(null=True, default=None)
    source = UUID(null=True, default=None)
    reason = Text(null=True, default=None)
    said = Text(default="")
    created_at = Timestamptz(default=TimestamptzNow())
    sent_at = Timestamptz(null=True, default=None)
    polls = Integer(default=0)
    next_poll_at = Timestamptz(null=True, default=None)
    expires_at = Timestamptz(null=True, default=None)
    settled_at = Timestamptz(null=True, default=None)
    settled_by = UUID(null=True, default=None)
    refunded_minor = Integer(default=0)
    unwanted_at = Timestamptz(null=True, default=None)
    answered_minor = Integer(null=True, default=None)
    answered_currency = Text(null=True, default=None)
    answered_ref = Text(null=True, default=None)


class Refund(OfHospital, tablename="refund"):
    payment = UUID(required=True)
    amount_minor = Integer(required=True)
    kind = Text(required=True)
    method = Text(required=True)
    state = Text(required=True)
    why = Text(required=True)
    reference = UUID(required=True)
    provider_ref = Text(null=True, default=None)
    reason = Text(null=True, default=None)
    said = Text(default="")
    sent_at = Timestamptz(null=True, default=None)
    polls = Integer(default=0)
    next_poll_at = Timestamptz(null=True, default=None)
    asked_by = UUID(required=True)
    asked_at = Timestamptz(default=TimestamptzNow())
    settled_at = Timestamptz(null=True, default=None)
    settled_by = UUID(null=True, default=None)
    replaces = UUID(null=True, default=None)


class Entry(OfHospital, tablename="entry"):
    key = Text(required=True)
    kind = Text(required=True)
    about = Text(required=True)
    reason = Text(default="")
    reverses = UUID(null=True, default=None)
    posted_by = UUID(required=True)
    posted_at = Timestamptz(default=TimestamptzNow())


class Posting(Row, tablename="posting"):
    id = BigSerial(primary_key=True)
    hospital = Integer(required=True)
    entry = UUID(required=True)
    account = Text(required=True)
    party = UUID(null=True, default=None)
    amount_minor = BigInt(required=True)


class Coupon(OfHospital, tablename="coupon"):
    code = Text(required=True)
    kind = Text(required=True)
    value = Integer(required=True)
    least_minor = Integer(default=0)
    most_minor = Integer(null=True, default=None)
    uses_left = Integer(required=True)
    per_person = Integer(null=True, default=None)
    audience = Text(default="everyone")
    valid_from = Date(required=True)
    valid_to = Date(null=True, default=None)
    made_by = UUID(required=True)
    made_at = Timestamptz(default=TimestamptzNow())
    stopped_at = Timestamptz(null=True, default=None)
    stopped_by = UUID(null=True, default=None)


class CouponUse(OfHospital, tablename="coupon_use"):
    coupon = UUID(required=True)
    meal_order = UUID(required=True)
    person = UUID(required=True)
    amount_minor = Integer(required=True)
    used_by = UUID(required=True)
    used_at = Timestamptz(default=TimestamptzNow())
    given_back_at = Timestamptz(null=True, default=None)


class Fund(OfHospital, tablename="fund"):
    name = Text(required=True)
    donor = Text(default="")
    purpose = Text(default="")
    most_meal_minor = Integer(null=True, default=None)
    most_day_minor = Integer(null=True, default=None)
    most_patient_minor = Integer(null=True, default=None)
    periods = Array(base_column=Text(), default=list)
    wards = Array(base_column=UUID(), default=list)
    serves_from = Date(required=True)
    serves_to = Date(null=True, default=None)
    helps_at_once = Boolean(default=False)
    left_minor = BigInt(default=0)
    made_by = UUID(required=True)
    made_at = Timestamptz(default=TimestamptzNow())
    stopped_at = Timestamptz(null=True, default=None)
    stopped_by = UUID(null=True, default=None)


class Gift(OfHospital, tablename="gift"):
    fund = UUID(required=True)
    key = Text(required=True)
    number = Text(required=True)
    amount_minor = Integer(required=True)
    came_by = Text(required=True)
    reference = Text(default="")
    received_on = Date(required=True)
    recorded_by = UUID(required=True)
    recorded_at = Timestamptz(default=TimestamptzNow())
    undone_at = Timestamptz(null=True, default=None)
    undone_by = UUID(null=True, default=None)
    undone_why = Text(null=True, default=None)


class FundGrant(OfHospital, tablename="fund_grant"):
    fund = UUID(null=True, default=None)
    patient = UUID(required=True)
    admission = UUID(required=True)
    key = Text(null=True, default=None)
    reason = Text(required=True)
    meals_left = Integer(null=True, default=None)
    left_minor = Integer(null=True, default=None)
    last_day = Date(null=True, default=None)
    granted_by = UUID(required=True)
    granted_at = Timestamptz(default=TimestamptzNow())
    ended_at = Timestamptz(null=True, default=None)
    ended_by = UUID(null=True, default=None)


class FundClaim(OfHospital, tablename="fund_claim"):
    fund = UUID(required=True)
    fund_grant = UUID(null=True, default=None)
    meal_order = UUID(required=True)
    patient = UUID(required=True)
    ward = UUID(null=True, default=None)
    day = Date(required=True)
    period = Text(required=True)
    amount_minor = Integer(required=True)
    returned_minor = Integer(default=0)
    claimed_at = Timestamptz(default=TimestamptzNow())
    returned_at = Timestamptz(null=True, default=None)


class PayerRule(OfHospital, tablename="payer_rule"):
    payer_class = Text(required=True)
    periods = Array(base_column=Text(), default=list)
    weekdays = Array(base_column=SmallInt(), default=list)
    patient_percent = SmallInt(required=True)
    hospital_percent = SmallInt(required=True)
    insurer_percent = SmallInt(required=True)
    sponsor_percent = SmallInt(required=True)
    fund = UUID(null=True, default=None)
    begins_on = Date(required=True)
    made_by = UUID(required=True)
    made_at = Timestamptz(default=TimestamptzNow())
    ended_at = Timestamptz(null=True, default=None)
    ended_by = UUID(null=True, default=None)


class InsuredTray(OfHospital, tablename="insured_tray"):
    meal_order = UUID(required=True)
    payer_class = Text(required=True)
    insurer = Text(default="")
    insurance_no = Text(default="")


class InsurerInvoice(OfHospital, tablename="insurer_invoice"):
    payer_class = Text(required=True)
    insurer = Text(required=True)
    month = Date(required=True)
    trays = Integer(required=True)
    amount_minor = Integer(required=True)
    issued_by = UUID(required=True)
    issued_at = Timestamptz(default=TimestamptzNow())


class FinanceSetting(OfHospital, tablename="finance_setting"):
    variance_limit_minor = Integer(default=1000)
    payee = Text(default="")
    bank_name = Text(default="")
    bank_account = Text(default="")
    changed_by = UUID(required=True)
    changed_at = Timestamptz(default=TimestamptzNow())


class CashShift(OfHospital, tablename="cash_shift"):
    collector = UUID(required=True)
    state = Text(default="open")
    opened_at = Timestamptz(default=TimestamptzNow())
    opening_minor = Integer(default=0)
    opened_by = UUID(required=True)
    expected_minor = Integer(null=True, default=None)
    counted_minor = Integer(null=True, default=None)
    pieces = JSONB(null=True, default=None)
    reason = Text(default="")
    limit_minor = Integer(null=True, default=None)
    counted_at = Timestamptz(null=True, default=None)
    received_by = UUID(null=True, default=None)
    received_at = Timestamptz(null=True, default=None)
    second_by = UUID(null=True, default=None)
    closed_at = Timestamptz(null=True, default=None)


class DayClose(OfHospital, tablename="day_close"):
    day = Date(required=True)
    closed_by = UUID(required=True)
    closed_at = Timestamptz(default=TimestamptzNow())


class BankLine(OfHospital, tablename="bank_line"):
    bank_ref = Text(required=True)
    booked_on = Date(required=True)
    amount_minor = Integer(required=True)
    sender = Text(default="")
    message = Text(default="")
    source = Text(default="")
    imported_by = UUID(required=True)
    imported_at = Timestamptz(default=TimestamptzNow())


class BankUse(OfHospital, tablename="bank_use"):
    line = UUID(required=True)
    payment = UUID(null=True, default=None)
    amount_minor = Integer(required=True)
    how = Text(required=True)
    why = Text(default="")
    entry = UUID(required=True)
    made_by = UUID(required=True)
    made_at = Timestamptz(default=TimestamptzNow())
    undone_at = Timestamptz(null=True, default=None)
    undone_by = UUID(null=True, default=None)
    undone_why = Text(default="")


class ProviderState(OfHospital, tablename="provider_state"):
    provider = Text(required=True)
    silent = Integer(default=0)
    down_since = Timestamptz(null=True, default=None)
    heard_at = Timestamptz(null=True, default=None)
    said = Text(default="")


class HookCall(OfHospital, tablename="hook_call"):
    provider = Text(required=True)
    payment = UUID(required=True)
    outcome = Text(required=True)
    at = Timestamptz(default=TimestamptzNow())


class ReconRun(OfHospital, tablename="recon_run"):
    day = Date(required=True)
    method = Text(required=True)
    runs = Integer(default=1)
    matched = Integer(required=True)
    ours_minor = BigInt(required=True)
    theirs_minor = BigInt(required=True)
    ran_at = Timestamptz(required=True)
    ran_by = UUID(required=True)


class ReconLine(OfHospital, tablename="recon_line"):
    run = UUID(required=True)
    key = Text(required=True)
    kind = Text(required=True)
    direction = Text(required=True)
    reference = Text(default="")
    provider_ref = Text(default="")
    payment = UUID(null=True, default=None)
    ours_minor = BigInt(null=True, default=None)
    theirs_minor = BigInt(null=True, default=None)
    found_at = Timestamptz(required=True)
    resolved_at = Timestamptz(null=True, default=None)
    resolved_by = UUID(null=True, default=None)
    resolution = Text(default="")


class FiscalSetting(Row, tablename="fiscal_setting"):
    hospital = Integer(primary_key=True)
    tax_class = Text(default="A")
    last_invoice = Integer(default=0)


class FiscalReceipt(OfHospital, tablename="fiscal_receipt"):
    subject = UUID(required=True)
    payment = UUID(required=True)
    refund = UUID(null=True, default=None)
    kind = Text(required=True)
    invoice_no = Integer(required=True)
    original_no = Integer(default=0)
    tax_class = Text(required=True)
    paid_by = Text(required=True)
    amount_minor = Integer(required=True)
    state = Text(default="queued")
    tries = Integer(default=0)
    next_try_at = Timestamptz(null=True, default=None)
    said = Text(default="")
    queued_at = Timestamptz(required=True)
    rcpt_no = Integer(null=True, default=None)
    total_no = Integer(null=True, default=None)
    internal_data = Text(default="")
    signature = Text(default="")
    sdc_id = Text(default="")
    mrc_no = Text(default="")
    signed_at = Timestamptz(null=True, default=None)


class SavedPhone(OfHospital, tablename="saved_phone"):
    app_user = UUID(required=True)
    phone = Text(required=True)
    method = Text(required=True)
    used_at = Timestamptz(default=TimestamptzNow())
