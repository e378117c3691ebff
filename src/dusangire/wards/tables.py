"""Wards and beds, patients and their stays, and the row that guards each patient's safety."""

from piccolo.columns import UUID, BigInt, Boolean, Date, Integer, Numeric, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow

from dusangire.kernel.db import OfHospital, Row


class Ward(OfHospital, tablename="ward"):
    code = Text(required=True)
    name_en = Text(required=True)
    name_fr = Text(required=True)
    name_rw = Text(required=True)
    kind = Text(default="general")
    phone = Text(default="")
    walk_order = Integer(default=100)
    is_isolation = Boolean(default=False)
    is_emergency = Boolean(default=False)
    closed_at = Timestamptz(null=True, default=None)


class Bed(OfHospital, tablename="bed"):
    ward = UUID(required=True)
    code = Text(required=True)
    room = Text(default="")
    card_token = Text(required=True)
    removed_at = Timestamptz(null=True, default=None)


class Patient(OfHospital, tablename="patient"):
    mrn = Text(required=True)
    given_name = Text(required=True)
    family_name = Text(required=True)
    birth_date = Date(required=True)
    sex = Text(required=True)
    phone = Text(null=True, default=None)
    app_user = UUID(null=True, default=None)
    created_at = Timestamptz(default=TimestamptzNow())
    merged_into = UUID(null=True, default=None)
    merged_at = Timestamptz(null=True, default=None)


class PatientSafety(Row, tablename="patient_safety"):
    hospital = Integer(required=True)
    patient = UUID(required=True, primary_key=True)
    safety_rev = BigInt(default=1)
    constraint_count = Integer(default=0)
    allergy_status = Text(default="not_asked")
    allergies_asked_at = Timestamptz(null=True, default=None)
    allergies_asked_by = UUID(null=True, default=None)
    uncoded_text = Text(null=True, default=None)


class Admission(OfHospital, tablename="admission"):
    patient = UUID(required=True)
    started_at = Timestamptz(default=TimestamptzNow())
    ended_at = Timestamptz(null=True, default=None)
    end_reason = Text(null=True, default=None)
    pin_hash = Text(null=True, default=None)
    account_ceiling_minor = Integer(default=60000)
    payer_class = Text(default="self")
    insurer = Text(default="")
    insurance_no = Text(default="")


class Stay(OfHospital, tablename="stay"):
    admission = UUID(required=True)
    patient = UUID(required=True)
    bed = UUID(required=True)
    started_at = Timestamptz(default=TimestamptzNow())
    ended_at = Timestamptz(null=True, default=None)


class Measurement(OfHospital, tablename="measurement"):
    patient = UUID(required=True)
    kind = Text(required=True)
    value = Numeric(digits=(7, 2), required=True)
    taken_at = Timestamptz(default=TimestamptzNow())
    taken_by = UUID(required=True)
