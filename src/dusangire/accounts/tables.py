"""Hospitals, people, what they are in each hospital, and their sessions."""

from piccolo.columns import UUID, Array, Boolean, Bytea, Integer, Serial, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow

from dusangire.kernel.db import OfHospital, Row


class Hospital(Row, tablename="hospital"):
    id = Serial(primary_key=True)
    code = Text(required=True)
    name = Text(required=True)
    zone = Text(default="Africa/Kigali")
    phone = Text(default="")
    is_demo = Boolean(default=False)
    tray_minutes = Integer(default=90)


class AppUser(Row, tablename="app_user"):
    id = UUID(primary_key=True)
    name = Text(required=True)
    email = Text(null=True, default=None)
    phone = Text(null=True, default=None)
    password_hash = Text(null=True, default=None)
    language = Text(default="rw")
    is_disabled = Boolean(default=False)
    created_at = Timestamptz(default=TimestamptzNow())


class Membership(OfHospital, tablename="membership"):
    app_user = UUID(required=True)
    role = Text(required=True)
    granted = Array(base_column=Text(), default=list)
    revoked = Array(base_column=Text(), default=list)
    patient = UUID(null=True, default=None)
    wards = Array(base_column=UUID(), default=list)
    started_at = Timestamptz(default=TimestamptzNow())
    ended_at = Timestamptz(null=True, default=None)


class Session(Row, tablename="session"):
    token_hash = Bytea(required=True, primary_key=True)
    hospital = Integer(required=True)
    app_user = UUID(required=True)
    membership = UUID(required=True)
    admission = UUID(null=True, default=None)
    device = Text(default="")
    signed_in_at = Timestamptz(default=TimestamptzNow())
    seen_at = Timestamptz(default=TimestamptzNow())
    ends_at = Timestamptz(required=True)


class PasswordReset(Row, tablename="password_reset"):
    token_hash = Bytea(required=True, primary_key=True)
    app_user = UUID(required=True)
    ends_at = Timestamptz(required=True)
