"""Reads of a carrier's run, one tray at the bed, and what was handed over."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from msgspec import Struct

from dusangire.delivery import rules
from dusangire.delivery.queries.recalls import recalls
from dusangire.delivery.rules import Line, Method, Run, Stop
from dusangire.diets.queries import DietBrief, Exceptional, exceptional, ward_diets
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money, total
from dusangire.menu import queries as menu
from dusangire.orders import queries as orders
from dusangire.orders.queries import Ticket
from dusangire.orders.rules import Status, tickets_of
from dusangire.wards import queries as wards

_RUNNING = frozenset({Status.READY, Status.OUT_FOR_DELIVERY, Status.ARRIVED, Status.HELD, Status.UNDELIVERED})
_FRACTIONS = {"0.5": "½", "1.5": "1½"}


class Carried(Struct, frozen=True):
    """That somebody carries a tray, and what they have checked so far."""

    meal_order: UUID
    carrier: UUID
    carrier_name: str
    tray_scanned_at: datetime | None
    bed_checked_at: datetime | None
    bed_method: Method | None
    checked_bed: UUID | None
    recalled_at: datetime | None


class Handed(Struct, frozen=True):
    """One tray that was handed over."""

    order: UUID
    code: str
    place: str
    short_name: str
    at: datetime
    method: str
    proof: str
    has_file: bool
    signed_as: str
    cash_minor: int


class ProofFile(Struct, frozen=True):
    """Where the proof of a hand-over is kept."""

    code: str
    name: str


class _OldProof(Struct, frozen=True):
    id: UUID
    proof_file: str


class _Surroundings(Struct, frozen=True):
    """What is read once for all stops."""

    diets: dict[UUID, DietBrief]
    phones: dict[UUID, str]
    categories: dict[str, str]
    language: str
    special: Exceptional


async def run(actor: Actor) -> Run:
    """Return what a carrier has to do today: their own stops in walking order, and the trays for anybody."""
    day = clock.local_day(clock.now(), actor.zone)
    carried = {row.meal_order: row for row in await _carried(actor)}
    open_trays = await orders.tickets(actor, set(_RUNNING), since=day - timedelta(days=1))
    found = [one for one in open_trays if _moves(one, carried)]
    around = await _surroundings(actor, found)
    stops = {one.id: _stop(one, carried.get(one.id), around) for one in found}
    own = [stops[one] for one in stops if one in carried and carried[one].carrier == actor.user]
    free = [stops[one] for one in stops if one not in carried]
    handed = await handed_on(actor, day)
    walked = rules.walk([stop for stop in own if stop.status not in (Status.UNDELIVERED, Status.HELD)])
    return Run(
        recalls=await recalls(actor),
        stops=walked,
        ready=rules.walk([stop for stop in free if stop.status is Status.READY]),
        waiting=rules.walk([stop for stop in free if stop.status in rules.CARRIED]),
        returned=rules.walk([stop for stop in [*own, *free] if stop.status is Status.UNDELIVERED]),
        handed=len(handed),
        cash_taken=total([Money(one.cash_minor) for one in handed]),
        cash_left=total([stop.cash for stop in walked if stop.cash]),
        stop=around.special.stop,
    )


async def stop(actor: Actor, order_id: UUID) -> Stop:
    """Return one tray as its carrier sees it. Raises NotHere for a tray of another hospital."""
    ticket = await orders.ticket(actor, order_id)
    return _stop(ticket, await carried_by(actor, order_id), await _surroundings(actor, [ticket]))


async def carried_by(actor: Actor, order_id: UUID) -> Carried | None:
    """Return who carries the tray; None when nobody does."""
    return await fetch_one(Carried, _CARRIED + " AND s.meal_order = $2", actor.hospital, order_id)


async def tray_of(actor: Actor, code: str) -> Ticket:
    """Return the tray that a scanned token or a typed short code names. Raises NotHere, OldLabel for a dead label."""
    try:
        return await orders.by_label(actor, code)
    except NotHere:
        return await orders.by_label_code(actor, code)


async def handed_on(actor: Actor, day: date) -> list[Handed]:
    """Return what this carrier handed over on one day, the latest first, with the cash taken for each."""
    first, last = clock.day_bounds(day, actor.zone)
    return await fetch(
        Handed,
        """
        SELECT o.id AS order, o.code, coalesce(b.code, nullif(o.place_name, ''), '–') AS place,
               p.given_name || ' ' || left(p.family_name, 1) || '.' AS short_name, h.handed_at AS at, h.method, h.proof,
               h.proof_file IS NOT NULL AS has_file, h.signed_as,
               (SELECT coalesce(sum(y.amount_minor), 0)::int FROM payment y WHERE y.hospital = h.hospital
                AND y.meal_order = h.meal_order AND y.method = 'cash' AND y.state = 'paid') AS cash_minor
        FROM handover h
        JOIN meal_order o ON o.hospital = h.hospital AND o.id = h.meal_order
        JOIN patient p ON p.hospital = h.hospital AND p.id = h.patient
        LEFT JOIN bed b ON b.hospital = h.hospital AND b.id = h.bed
        WHERE h.hospital = $1 AND h.handed_by = $2 AND h.undone_at IS NULL AND h.handed_at >= $3 AND h.handed_at < $4
        ORDER BY h.handed_at DESC
        """,
        actor.hospital,
        actor.user,
        first,
        last,
    )


async def proof_file(actor: Actor, order_id: UUID) -> ProofFile:
    """Return where a hand-over's proof is kept. Raises NotHere."""
    found = await fetch_one(
        ProofFile,
        """
        SELECT o.code, h.proof_file AS name FROM handover h
        JOIN meal_order o ON o.hospital = h.hospital AND o.id = h.meal_order
        WHERE h.hospital = $1 AND h.meal_order = $2 AND h.undone_at IS NULL AND h.proof_file IS NOT NULL
        """,
        actor.hospital,
        order_id,
    )
    if found is None:
        raise NotHere
    return found


async def old_proofs(actor: Actor, before: datetime) -> list[tuple[UUID, str]]:
    """Return the hand-overs whose proof is older than it may be kept, with the file's name."""
    rows = await fetch(
        _OldProof,
        """
        SELECT id, proof_file FROM handover
        WHERE hospital = $1 AND proof_file IS NOT NULL AND handed_at < $2 LIMIT 500
        """,
        actor.hospital,
        before,
    )
    return [(row.id, row.proof_file) for row in rows]


_CARRIED = """
    SELECT s.meal_order, r.carrier, u.name AS carrier_name, s.tray_scanned_at, s.bed_checked_at, s.bed_method,
           s.checked_bed, s.recalled_at
    FROM delivery_stop s
    JOIN delivery_run r ON r.hospital = s.hospital AND r.id = s.run
    JOIN app_user u ON u.id = r.carrier
    WHERE s.hospital = $1 AND s.dropped_at IS NULL
"""


async def _carried(actor: Actor) -> list[Carried]:
    return await fetch(
        Carried,
        _CARRIED
        + """ AND EXISTS (SELECT FROM meal_order o WHERE o.hospital = s.hospital AND o.id = s.meal_order
                AND o.status = ANY($2::text[]))""",
        actor.hospital,
        [status.value for status in _RUNNING],
    )


def _moves(ticket: Ticket, carried: dict[UUID, Carried]) -> bool:
    """A held tray concerns a carrier only while they have it in their hands."""
    return ticket.status is not Status.HELD or ticket.id in carried


async def _surroundings(actor: Actor, tickets: Iterable[Ticket]) -> _Surroundings:
    found = list(tickets)
    return _Surroundings(
        diets=await ward_diets(actor, [ticket.patient for ticket in found]),
        phones={ward.id: ward.phone for ward in await wards.wards(actor)} if found else {},
        categories={code: card.category for code, card in (await menu.cards(actor)).items()} if found else {},
        language=actor.language,
        special=await exceptional(actor),
    )


def _stop(ticket: Ticket, carried: Carried | None, around: _Surroundings) -> Stop:
    diet = around.diets.get(ticket.patient)
    return Stop(
        id=ticket.id,
        code=ticket.code,
        status=ticket.status,
        period=ticket.period,
        name=ticket.name,
        short_name=ticket.short_name,
        birth_year=ticket.birth_date.year,
        patient=ticket.patient,
        bed=ticket.bed,
        bed_code=ticket.bed_code or "–",
        room=ticket.room or "",
        ward=ticket.ward,
        ward_name=ticket.ward_name(around.language),
        ward_phone=around.phones.get(ticket.ward, "") if ticket.ward else "",
        walk_order=ticket.walk_order or 0,
        is_isolation=ticket.is_isolation,
        is_emergency=ticket.is_emergency,
        allergies=tuple(one.code for one in diet.allergies) if diet else (),
        is_allergy_unknown=diet is None or diet.allergy_status == "not_asked" or bool(diet.uncoded_text),
        food_level=diet.food_level if diet else None,
        drink_level=diet.drink_level if diet else None,
        lines=tuple(
            Line(line.quantity, line.name(around.language), _FRACTIONS.get(str(line.portion), ""))
            for line in ticket.lines
        ),
        cash=ticket.cash_due if ticket.cash_due else None,
        tells_nurse=rules.tells_nurse(diet.codes if diet else ()),
        is_hot=rules.is_hot(frozenset(around.categories.get(line.dish_code, "") for line in ticket.lines) - {""}),
        is_at_bed=ticket.place == "bed",
        place_name=ticket.place_name,
        tray_scanned_at=carried.tray_scanned_at if carried else None,
        bed_checked_at=carried.bed_checked_at if carried else None,
        bed_method=carried.bed_method if carried else None,
        checked_bed=carried.checked_bed if carried else None,
        overrides=tickets_of(around.special.of(ticket.patient), ticket, clock.now()),
        why_held=ticket.why_held_for_staff if ticket.status is Status.HELD else None,
    )
