"""Signing in and out, passwords, and who is who in a hospital."""

from dusangire.accounts.service.hospital import HospitalFacts, change_hospital
from dusangire.accounts.service.members import add_membership, end_membership, person_for_patient
from dusangire.accounts.service.passwords import (
    change_password,
    forget_password,
    make_reset,
    reset_password,
    verify_password,
)
from dusangire.accounts.service.people import (
    add_role,
    change_right,
    create_person,
    disable,
    enable,
    end_role,
    give_email,
    invite,
)
from dusangire.accounts.service.secrets import (
    device_cookie,
    device_name,
    hash_secret,
    is_known_device,
    verify_secret,
)
from dusangire.accounts.service.signing import (
    Knock,
    SignedIn,
    end_other_sessions,
    end_sessions_of_admission,
    find_actor,
    open_session,
    sign_in,
    sign_out,
    switch,
)

__all__ = [
    "HospitalFacts",
    "Knock",
    "SignedIn",
    "add_membership",
    "add_role",
    "change_hospital",
    "change_password",
    "change_right",
    "create_person",
    "device_cookie",
    "device_name",
    "disable",
    "enable",
    "end_membership",
    "end_other_sessions",
    "end_role",
    "end_sessions_of_admission",
    "find_actor",
    "forget_password",
    "give_email",
    "hash_secret",
    "invite",
    "is_known_device",
    "make_reset",
    "open_session",
    "person_for_patient",
    "reset_password",
    "sign_in",
    "sign_out",
    "switch",
    "verify_password",
    "verify_secret",
]
