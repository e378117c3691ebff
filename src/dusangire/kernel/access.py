"""Who may do what: rights, roles, the acting person, and the declaration each route carries."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct


class Can(StrEnum):
    """One right each, named after the work. Alphabetical."""

    ADMISSION_MANAGE = "admission_manage"
    ALLERGY_RECORD = "allergy_record"
    ANALYTICS_SEE = "analytics_see"
    AUDIT_READ = "audit_read"
    BEDS_MANAGE = "beds_manage"
    CASH_COUNT = "cash_count"
    CATERING_ASK = "catering_ask"
    CATERING_WORK = "catering_work"
    CHART_SEE = "chart_see"
    DASHBOARD_SEE = "dashboard_see"
    DELIVERY_WORK = "delivery_work"
    DIET_ADVANCE = "diet_advance"
    DIET_DRAFT = "diet_draft"
    DIET_OVERRIDE = "diet_override"
    DIET_SIGN = "diet_sign"
    DIET_SIGN_PROTOCOL = "diet_sign_protocol"
    FUND_GRANT = "fund_grant"
    FUND_MANAGE = "fund_manage"
    HOLD_SET = "hold_set"
    KITCHEN_WORK = "kitchen_work"
    MANUAL_EDIT = "manual_edit"
    MANUAL_SIGN = "manual_sign"
    MEALS_STOP = "meals_stop"
    MENU_EDIT = "menu_edit"
    MONEY_MOVE = "money_move"
    NUTRITION_WORK = "nutrition_work"
    ORDER_FOR_PATIENT = "order_for_patient"
    ORDER_OWN = "order_own"
    ORDERS_SEE = "orders_see"
    PAYMENTS_SEE = "payments_see"
    PLANS_EDIT = "plans_edit"
    PLAN_OWN = "plan_own"
    PLATFORM_SEE = "platform_see"
    SUPPORT_WORK = "support_work"
    USERS_MANAGE = "users_manage"
    WARD_SEE = "ward_see"


class Role(StrEnum):
    """What a person is in one hospital."""

    PATIENT = "patient"
    CAREGIVER = "caregiver"
    NURSE = "nurse"
    DOCTOR = "doctor"
    NUTRITIONIST = "nutritionist"
    KITCHEN = "kitchen"
    DELIVERY = "delivery"
    SUPPORT = "support"
    FINANCE = "finance"
    ADMIN = "admin"
    AUDITOR = "auditor"
    SUPER_ADMIN = "super_admin"


def _all_but(*without: Can) -> frozenset[Can]:
    return frozenset(Can) - frozenset(without)


# Who works here may eat here: on a plan of their own, and ask for the catering of an event.
_STAFF = (Can.PLAN_OWN, Can.CATERING_ASK)

# The default rights on one screen. A hospital grants or revokes single rights per person on top of this.
ROLES: dict[Role, frozenset[Can]] = {
    Role.PATIENT: frozenset({Can.ORDER_OWN, Can.PLAN_OWN}),
    Role.CAREGIVER: frozenset({Can.ORDER_OWN, Can.PLAN_OWN}),
    Role.NURSE: frozenset({
        Can.WARD_SEE, Can.ADMISSION_MANAGE, Can.CHART_SEE, Can.ALLERGY_RECORD, Can.DIET_DRAFT, Can.HOLD_SET,
        Can.ORDER_FOR_PATIENT, Can.ORDERS_SEE, Can.DIET_ADVANCE, Can.FUND_GRANT, *_STAFF,
    }),
    Role.DOCTOR: frozenset({
        Can.WARD_SEE, Can.CHART_SEE, Can.ALLERGY_RECORD, Can.DIET_DRAFT, Can.DIET_SIGN, Can.HOLD_SET, Can.ORDERS_SEE,
        Can.DIET_ADVANCE, Can.DIET_OVERRIDE, Can.MEALS_STOP, *_STAFF,
    }),
    Role.NUTRITIONIST: frozenset({
        Can.WARD_SEE, Can.CHART_SEE, Can.ALLERGY_RECORD, Can.DIET_DRAFT, Can.DIET_SIGN_PROTOCOL, Can.NUTRITION_WORK,
        Can.ORDER_FOR_PATIENT, Can.ORDERS_SEE, Can.MENU_EDIT, Can.DIET_ADVANCE, Can.DIET_OVERRIDE, Can.MANUAL_EDIT,
        Can.MANUAL_SIGN, Can.MEALS_STOP, Can.FUND_GRANT, *_STAFF,
    }),
    Role.KITCHEN: frozenset({Can.KITCHEN_WORK, Can.CATERING_WORK, *_STAFF}),
    Role.DELIVERY: frozenset({Can.DELIVERY_WORK, *_STAFF}),
    Role.SUPPORT: frozenset({Can.SUPPORT_WORK, Can.ORDERS_SEE, Can.FUND_GRANT, *_STAFF}),
    Role.FINANCE: frozenset({
        Can.PAYMENTS_SEE, Can.ORDERS_SEE, Can.MONEY_MOVE, Can.CASH_COUNT, Can.FUND_GRANT, Can.FUND_MANAGE,
        Can.PLANS_EDIT, *_STAFF,
    }),
    Role.ADMIN: frozenset({
        Can.DASHBOARD_SEE, Can.ANALYTICS_SEE, Can.ORDERS_SEE, Can.PAYMENTS_SEE, Can.USERS_MANAGE, Can.BEDS_MANAGE,
        Can.MENU_EDIT, Can.WARD_SEE, Can.MEALS_STOP, Can.FUND_MANAGE, Can.PLANS_EDIT, Can.CATERING_WORK, *_STAFF,
    }),
    Role.AUDITOR: frozenset({Can.AUDIT_READ}),
    Role.SUPER_ADMIN: _all_but(Can.ORDER_OWN),
}  # fmt: skip


class Actor(Struct, frozen=True):
    """The person on whose behalf something is read or written, as of this request."""

    user: UUID
    hospital: int
    role: Role
    rights: frozenset[Can]
    name: str = ""
    language: str = "en"
    zone: str = "Africa/Kigali"
    hospital_name: str = ""
    patient: UUID | None = None
    admission: UUID | None = None
    wards: frozenset[UUID] = frozenset()
    session: bytes = b""
    is_fresh: bool = False

    def may(self, right: Can) -> bool:
        return right in self.rights

    @property
    def session_bell(self) -> str:
        """The bell that ends the open streams of this sign-in."""
        return f"session:{self.session.hex()[:24]}"


# The acting "person" of the program's own work: the worker, the clock, the seed.
NOBODY = UUID(int=0)


def system(hospital: int, zone: str = "Africa/Kigali") -> Actor:
    """Return the actor of work that no person asked for, in one hospital."""
    return Actor(
        user=NOBODY, hospital=hospital, role=Role.SUPER_ADMIN, rights=frozenset(Can), name="Dusangire", zone=zone
    )


class Needs(Struct, frozen=True):
    """What a route asks of the one who calls it."""

    rights: frozenset[Can]
    is_fresh: bool = False
    is_public: bool = False

    def met_by(self, rights: frozenset[Can]) -> bool:
        """True when the person has one of the rights; a route open to any signed-in person names none."""
        return self.is_public or not self.rights or bool(self.rights & rights)


class _Public:
    pass


PUBLIC = _Public()


def needs(*rights: Can | _Public, fresh: bool = False) -> dict[str, Any]:
    """Return the `opt` of a route: any one of these rights is enough.

    `needs(PUBLIC)` opens it to everybody, `needs()` to everybody who is signed in.
    `fresh=True` also asks for a sign-in within the last 10 minutes.
    """
    if any(isinstance(right, _Public) for right in rights):
        return {"needs": Needs(frozenset(), is_public=True)}
    return {"needs": Needs(frozenset(right for right in rights if isinstance(right, Can)), is_fresh=fresh)}


def rights_of(role: Role, granted: list[str], revoked: list[str]) -> frozenset[Can]:
    """Return a person's rights: the role's, plus what the hospital granted, less what it revoked.

    A right this release does not know is ignored, which can only narrow.
    """
    known = {right.value: right for right in Can}
    plus = {known[name] for name in granted if name in known}
    minus = {known[name] for name in revoked if name in known}
    return frozenset((ROLES[role] | plus) - minus)
