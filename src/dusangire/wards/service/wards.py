"""Wards: made, renamed, closed."""

from uuid import UUID

from asyncpg import UniqueViolationError
from msgspec import Struct

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.wards import queries
from dusangire.wards.rules import WARD_CODE
from dusangire.wards.tables import Bed, Ward


class WardFacts(Struct, frozen=True):
    """What may change of a ward. Its code may not: it is written on every bed."""

    name_en: str
    name_fr: str
    name_rw: str
    kind: str = "general"
    phone: str = ""
    walk_order: int = 100
    is_isolation: bool = False
    is_emergency: bool = False


async def add_ward(
    actor: Actor,
    *,
    code: str,
    name_en: str,
    name_fr: str,
    name_rw: str,
    kind: str = "general",
    phone: str = "",
    walk_order: int = 100,
    is_isolation: bool = False,
    is_emergency: bool = False,
) -> UUID:
    """Open a ward without beds; return its id. Raises Refusal for a code that is taken or unreadable on a bed."""
    if not WARD_CODE.fullmatch(code):
        raise Refusal("ward.code_bad", status=422)
    ward = uuid7()
    try:
        async with transaction():
            await Ward.insert(
                Ward(
                    id=ward, hospital=actor.hospital, code=code, name_en=name_en, name_fr=name_fr, name_rw=name_rw,
                    kind=kind, phone=phone, walk_order=walk_order, is_isolation=is_isolation, is_emergency=is_emergency,
                )
            )  # fmt: skip
            await record(actor, "ward:opened", f"ward:{ward}", code=code)
    except UniqueViolationError:
        raise Refusal("ward.code_taken", code=code) from None
    return ward


async def change_ward(actor: Actor, ward: UUID, facts: WardFacts) -> None:
    """Rename a ward, or change its telephone, its place in the walk or its flags. Raises NotHere."""
    async with transaction():
        await queries.lock_ward(actor, ward)
        await Ward.update({
            Ward.name_en: facts.name_en,
            Ward.name_fr: facts.name_fr,
            Ward.name_rw: facts.name_rw,
            Ward.kind: facts.kind,
            Ward.phone: facts.phone,
            Ward.walk_order: facts.walk_order,
            Ward.is_isolation: facts.is_isolation,
            Ward.is_emergency: facts.is_emergency,
        }).where(mine(Ward, actor), Ward.id == ward)  # fmt: skip
        await record(actor, "ward:changed", f"ward:{ward}", name=facts.name_en)


async def close_ward(actor: Actor, ward: UUID) -> None:
    """Close a ward and take its beds out of service. Raises Refusal while anybody lies there, NotHere."""
    async with transaction():
        await queries.lock_ward(actor, ward)
        await queries.lock_beds(actor, [one.bed for one in await queries.bedsides(actor, ward)])
        facts = await queries.ward(actor, ward)
        if facts.occupied:
            raise Refusal("ward.not_empty", count=facts.occupied)
        now = clock.now()
        await Bed.update({Bed.removed_at: now}).where(mine(Bed, actor), Bed.ward == ward, Bed.removed_at.is_null())
        await Ward.update({Ward.closed_at: now}).where(mine(Ward, actor), Ward.id == ward)
        await record(actor, "ward:closed", f"ward:{ward}", code=facts.code)
