"""Reads of advancement protocols: the one under way, those of many patients, and the history of steps."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.diets.rules.protocols import Course, Step
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch


class StepTaken(Struct, frozen=True):
    """One step, on or back: which, the order it signed, by whom, from when until when."""

    position: int
    diet_order: UUID
    moved_by_name: str
    moved_at: datetime
    order_status: str


class Protocol(Struct, frozen=True):
    """One signed way with every step taken on it, the first on top."""

    id: UUID
    patient: UUID
    reason: str
    signed_by_name: str
    signed_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    steps: tuple[Step, ...]
    taken: tuple[StepTaken, ...]

    @property
    def course(self) -> Course:
        """How far the patient has come. The time of a step that was signed anew after a fast runs anew too."""
        last = self.taken[-1]
        return Course(self.steps, last.position, last.moved_at, last.order_status)

    @property
    def diet_order(self) -> UUID:
        """The order of the step the patient is on."""
        return self.taken[-1].diet_order

    def step(self, position: int) -> Step:
        return self.steps[position - 1]


_PROTOCOL = """
    SELECT p.id, p.patient, p.reason, coalesce(u.name, '') AS signed_by_name, p.signed_at, p.ended_at, p.end_reason,
           (SELECT jsonb_agg(jsonb_build_object('position', s.position, 'code', s.code, 'least_hours', s.least_hours,
                   'drink_level', s.drink_level) ORDER BY s.position)
              FROM advancement_step s WHERE s.hospital = p.hospital AND s.protocol = p.id) AS steps,
           (SELECT jsonb_agg(jsonb_build_object('position', m.position, 'diet_order', m.diet_order,
                   'moved_by_name', coalesce(w.name, ''), 'moved_at', m.moved_at, 'order_status', o.status)
                   ORDER BY m.moved_at, m.id)
              FROM advancement_move m
              JOIN diet_order o ON o.hospital = m.hospital AND o.id = m.diet_order
              LEFT JOIN app_user w ON w.id = m.moved_by
             WHERE m.hospital = p.hospital AND m.protocol = p.id) AS taken
    FROM advancement_protocol p LEFT JOIN app_user u ON u.id = p.signed_by
    WHERE p.hospital = $1
"""


async def protocol(actor: Actor, patient: UUID) -> Protocol | None:
    """Return the protocol under way; None without one."""
    return (await protocols(actor, [patient])).get(patient)


async def protocols(actor: Actor, patients: Iterable[UUID]) -> dict[UUID, Protocol]:
    """Return the protocols under way, by patient. One statement, however many patients."""
    rows = await fetch(
        Protocol, _PROTOCOL + " AND p.ended_at IS NULL AND p.patient = ANY($2)", actor.hospital, list(patients)
    )
    return {row.patient: row for row in rows}


async def past_protocols(actor: Actor, patient: UUID) -> list[Protocol]:
    """Return the protocols that are over, the latest first."""
    return await fetch(
        Protocol,
        _PROTOCOL + " AND p.ended_at IS NOT NULL AND p.patient = $2 ORDER BY p.signed_at DESC",
        actor.hospital,
        patient,
    )
