"""Payments as intents, refunds, and the ledger they post to."""

from piccolo.columns import UUID, BigInt, BigSerial, Integer, SmallInt, Text, Timestamptz
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
