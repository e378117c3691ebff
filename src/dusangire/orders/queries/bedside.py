"""Reads of one bedside: who lies there, with all that the menu shows besides the verdict, in one statement."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_one, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.menu.rules import Period
from dusangire.orders.queries.carts import CART_ROWS, Cart
from dusangire.orders.queries.orders import ORDER_ROWS, Order
from dusangire.orders.rules import GONE


class Person(Struct, frozen=True):
    """Who the portal is drawn for, and where they lie."""

    id: UUID
    given_name: str
    family_name: str
    bed_code: str | None
    ward_name_en: str | None
    ward_name_fr: str | None
    ward_name_rw: str | None

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    def ward_name(self, language: str) -> str:
        return {"fr": self.ward_name_fr, "rw": self.ward_name_rw}.get(language, self.ward_name_en) or ""


class Signed(Struct, frozen=True):
    """A diet order in words: its codes, who signed it and when."""

    codes: tuple[str, ...]
    by: str
    at: datetime
    start_at: datetime
    end_at: datetime | None


class Allergic(Struct, frozen=True):
    """One allergy as the patient's banner names it."""

    code: str
    severity: str


class Halt(Struct, frozen=True):
    """That all trays of the hospital are held."""

    reason: str
    set_at: datetime


class Bedside(Struct, frozen=True):
    """Everything but the facts of the verdict, read in one statement."""

    person: Person
    trays: tuple[Order, ...]
    carts: tuple[Cart, ...]
    periods: tuple[Period, ...]
    signed: tuple[Signed, ...]
    allergies: tuple[Allergic, ...]
    halt: Halt | None = None


async def stamp(actor: Actor, patient: UUID, today: date) -> str:
    """Return what changes whenever anything does that a patient's menu shows, but the clock. One statement.

    Raises NotHere for a stranger.
    """
    found = await fetch_value(
        """
        SELECT concat_ws('/', s.safety_rev,
            (SELECT rev FROM menu_revision WHERE hospital = $1), (SELECT rev FROM manual_revision WHERE hospital = $1),
            (SELECT bed FROM stay WHERE hospital = $1 AND patient = $2 AND ended_at IS NULL),
            (SELECT string_agg(o.id || o.status || o.status_at, ',' ORDER BY o.id) FROM meal_order o
             WHERE o.hospital = $1 AND o.patient = $2 AND o.day >= $3),
            (SELECT h.id FROM meal_stop h WHERE h.hospital = $1 AND h.ended_at IS NULL),
            (SELECT string_agg(concat(v.id, v.seconded_at, v.withdrawn_at), ',' ORDER BY v.id) FROM diet_override v
             WHERE v.hospital = $1 AND v.patient = $2 AND v.day >= $3),
            (SELECT string_agg(concat(c.id, l.dish, l.portion, 'x', l.quantity), ',' ORDER BY l.id) FROM cart c
             JOIN cart_line l ON l.hospital = c.hospital AND l.cart = c.id
             WHERE c.hospital = $1 AND c.patient = $2 AND c.day >= $3 AND c.checked_out_at IS NULL))
        FROM patient_safety s WHERE s.hospital = $1 AND s.patient = $2
        """,
        actor.hospital,
        patient,
        today,
    )
    if found is None:
        raise NotHere
    return str(found)


async def bedside(actor: Actor, patient: UUID, today: date) -> Bedside:
    """Return who the patient is, and their trays and carts from today on. One statement. Raises NotHere."""
    found = await fetch_one(
        Bedside,
        f"""
        SELECT (SELECT jsonb_build_object('id', p.id, 'given_name', p.given_name, 'family_name', p.family_name,
                    'bed_code', b.code, 'ward_name_en', w.name_en, 'ward_name_fr', w.name_fr, 'ward_name_rw', w.name_rw)
                FROM patient p
                LEFT JOIN stay s ON s.hospital = p.hospital AND s.patient = p.id AND s.ended_at IS NULL
                LEFT JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
                LEFT JOIN ward w ON w.hospital = b.hospital AND w.id = b.ward
                WHERE p.hospital = $1 AND p.id = $2) AS person,
               (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.serve_from, t.placed_at), '[]') FROM (
                    {ORDER_ROWS}
                    WHERE o.hospital = $1 AND o.patient = $2 AND o.day >= $3 AND o.status <> ALL($4::text[])
                ) t) AS trays,
               (SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM (
                    {CART_ROWS} WHERE c.hospital = $1 AND c.patient = $2 AND c.day >= $3 AND c.checked_out_at IS NULL
                ) t) AS carts,
               (SELECT coalesce(jsonb_agg(to_jsonb(m) ORDER BY m.serve_from), '[]') FROM (
                    SELECT code, cutoff, serve_from, serve_to FROM meal_period WHERE hospital = $1) m) AS periods,
               (SELECT coalesce(jsonb_agg(jsonb_build_object('codes', d.codes, 'by', coalesce(u.name, ''),
                    'at', d.signed_at, 'start_at', d.start_at, 'end_at', d.end_at) ORDER BY d.signed_at), '[]')
                FROM diet_order d LEFT JOIN app_user u ON u.id = d.signed_by
                WHERE d.hospital = $1 AND d.patient = $2 AND d.status = 'active' AND d.signed_at IS NOT NULL) AS signed,
               (SELECT coalesce(jsonb_agg(jsonb_build_object('code', a.code, 'severity', a.severity)
                    ORDER BY a.recorded_at), '[]')
                FROM allergy a WHERE a.hospital = $1 AND a.patient = $2 AND a.ended_at IS NULL) AS allergies,
               (SELECT jsonb_build_object('reason', h.reason, 'set_at', h.set_at) FROM meal_stop h
                WHERE h.hospital = $1 AND h.ended_at IS NULL) AS halt
        FROM patient p WHERE p.hospital = $1 AND p.id = $2
        """,  # noqa: S608  columns of ours
        actor.hospital,
        patient,
        today,
        [str(status) for status in GONE],
    )
    if found is None:
        raise NotHere
    return found
