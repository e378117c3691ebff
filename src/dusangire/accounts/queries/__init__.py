"""Reads of people, memberships and sessions."""

from dusangire.accounts.queries.duty import on_ward
from dusangire.accounts.queries.hospital import HospitalRow, hospital_facts
from dusangire.accounts.queries.people import Colleague, Post, colleague, colleagues, rights_kept
from dusangire.accounts.queries.signing import (
    Hospital,
    Membership,
    OpenSession,
    Person,
    actor_of,
    failures,
    hospitals,
    memberships_everywhere,
    names,
    person,
    person_by_identifier,
    sessions_of,
    users_with_role,
)

__all__ = [
    "Colleague",
    "Hospital",
    "HospitalRow",
    "Membership",
    "OpenSession",
    "Person",
    "Post",
    "actor_of",
    "colleague",
    "colleagues",
    "failures",
    "hospital_facts",
    "hospitals",
    "memberships_everywhere",
    "names",
    "on_ward",
    "person",
    "person_by_identifier",
    "rights_kept",
    "sessions_of",
    "users_with_role",
]
