"""Daily reconciliation: every franc of a provider's list has its own in our books, or a name and a reason."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.payments import queries
from dusangire.payments.rules import Method
from dusangire.payments.rules.reconciling import Difference, Finding, compare
from dusangire.payments.rules.statement import Kind, StatementLine
from dusangire.payments.service.asking import ask_soon
from dusangire.payments.service.refund_asking import settle_listed


async def reconcile(actor: Actor, day: date, method: Method, lines: Sequence[StatementLine]) -> UUID:
    """Compare our books of a day with a list of it; return the run. The same list again finds the same and no more.

    lines: of a provider or the bank, with our reference or code; for cash one a float, what was counted, with the
    collector's id as reference ("counter" for the safe). What fits by now is resolved by itself, and a payment that the
    list has and we do not count is asked about at once. A refund without an answer is settled where the list has it.
    """
    async with transaction():
        if method.is_mobile:
            await settle_listed(actor, method, lines)
        findings = compare(await queries.our_side(actor, day, method, lines), lines)
        run = await _write_run(actor, day, method, findings)
        await _write_lines(actor, run, findings)
        await _resolve_gone(actor, run, day, findings)
        for found in findings:
            if found.difference is Difference.STATE and found.kind is Kind.PAYMENT and found.payment:
                await ask_soon(actor, found.payment)
        wrong = sum(found.difference is not Difference.MATCHED for found in findings)
        await record(actor, "reconciliation:ran", f"recon:{run}", day=day.isoformat(), method=method.value, wrong=wrong)
    return run


async def resolve(actor: Actor, line_id: UUID, *, why: str) -> None:
    """Say why a line does not fit; it stays, with the name and the reason. Raises Refusal."""
    if not why.strip():
        raise Refusal("payments.refund_needs_reason", status=422)
    async with transaction():
        done = await execute(
            """
            UPDATE recon_line SET resolved_at = $3, resolved_by = $4, resolution = $5
            WHERE hospital = $1 AND id = $2 AND resolved_at IS NULL AND kind <> 'matched'
            """,
            actor.hospital,
            line_id,
            clock.now(),
            actor.user,
            why.strip(),
        )
        if not done:
            raise Refusal("payments.moved_on")
        await record(actor, "reconciliation:resolved", f"recon_line:{line_id}", why=why.strip())


async def _write_run(actor: Actor, day: date, method: Method, findings: list[Finding]) -> UUID:
    run: UUID = await fetch_value(
        """
        INSERT INTO recon_run AS r (id, hospital, day, method, matched, ours_minor, theirs_minor, ran_at, ran_by)
        VALUES ($2, $1, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (hospital, day, method) DO UPDATE SET runs = r.runs + 1, matched = $5, ours_minor = $6,
            theirs_minor = $7, ran_at = $8, ran_by = $9
        RETURNING id
        """,
        actor.hospital,
        uuid7(),
        day,
        method.value,
        sum(found.difference is Difference.MATCHED for found in findings),
        sum(_signed(found, found.ours.minor) for found in findings if found.ours and found.number == 1),
        sum(_signed(found, found.theirs.minor) for found in findings if found.theirs),
        clock.now(),
        actor.user,
    )
    return run


def _signed(found: Finding, minor: int) -> int:
    return minor if found.kind is Kind.PAYMENT else -minor


async def _write_lines(actor: Actor, run: UUID, findings: list[Finding]) -> None:
    rows = [
        {
            "id": str(uuid7()),
            "key": found.key,
            "kind": found.difference.value,
            "direction": found.kind.value,
            "reference": found.reference,
            "provider_ref": found.provider_ref,
            "payment": None if found.payment is None else str(found.payment),
            "ours_minor": None if found.ours is None else found.ours.minor,
            "theirs_minor": None if found.theirs is None else found.theirs.minor,
        }
        for found in findings
    ]
    await execute(
        """
        INSERT INTO recon_line (id, hospital, run, key, kind, direction, reference, provider_ref, payment, ours_minor,
                                theirs_minor, found_at)
        SELECT r.id, $1, $2, r.key, r.kind, r.direction, r.reference, r.provider_ref, r.payment, r.ours_minor,
               r.theirs_minor, $4
        FROM jsonb_to_recordset($3::text::jsonb) AS r(id uuid, key text, kind text, direction text, reference text,
            provider_ref text, payment uuid, ours_minor bigint, theirs_minor bigint)
        ON CONFLICT (hospital, run, key) DO NOTHING
        """,
        actor.hospital,
        run,
        msgspec.json.encode(rows).decode(),
        clock.now(),
    )


async def _resolve_gone(actor: Actor, run: UUID, day: date, findings: list[Finding]) -> None:
    """What this run no longer finds, and what another day's run missed and this one has, explains itself."""
    await execute(
        """
        UPDATE recon_line SET resolved_at = $3, resolved_by = $4, resolution = $5
        WHERE hospital = $1 AND resolved_at IS NULL AND kind <> 'matched'
          AND (run = $2 AND NOT key = ANY($6::text[])
               OR run <> $2 AND kind = 'missing_there' AND payment IS NOT NULL AND reference = ANY($7::text[]))
        """,
        actor.hospital,
        run,
        clock.now(),
        actor.user,
        f"fits in the list of {day.isoformat()}",
        [found.key for found in findings],
        [found.reference for found in findings if found.difference is Difference.MATCHED and found.reference],
    )
