"""Who stands behind the bill of an admission: set when somebody is admitted, corrected later with a reason."""

from uuid import UUID

from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.journal import record
from dusangire.wards.rules import PayerClass
from dusangire.wards.tables import Admission


async def set_payer(
    actor: Actor, admission: UUID, payer_class: PayerClass, *, insurer: str = "", insurance_no: str = "", why: str
) -> None:
    """Say who stands behind an admission's bill from now on; what was ordered before stays divided as it was.

    The journal keeps what it was, and why it changed. Raises Refusal without a reason or an insurer's name, NotHere.
    """
    if not why.strip():
        raise Refusal("payer.why_missing", status=422)
    if payer_class is PayerClass.PRIVATE and not insurer.strip():
        raise Refusal("payer.insurer_missing", status=422)
    async with transaction():
        mine_open = mine(Admission, actor) & (Admission.id == admission) & Admission.ended_at.is_null()
        before = await Admission.select(Admission.payer_class).where(mine_open).first()
        if before is None:
            raise NotHere
        await Admission.update({
            Admission.payer_class: payer_class.value, Admission.insurer: insurer, Admission.insurance_no: insurance_no,
        }).where(mine_open)  # fmt: skip
        await record(
            actor, "admission:payer_changed", f"admission:{admission}", was=before["payer_class"],
            becomes=payer_class.value, why=why,
        )  # fmt: skip
