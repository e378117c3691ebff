"""Signing in from the bed: the card's code leads to the bed's admission of this moment, the PIN opens it."""

from uuid import UUID

from dusangire.accounts import queries as account_queries
from dusangire.accounts import service as accounts
from dusangire.accounts.service import Knock
from dusangire.kernel.access import Role, system
from dusangire.kernel.db import acting_as
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.wards import queries
from dusangire.wards.service.pins import check_pin


async def sign_in_from_bed(card_token: str, pin: str, knock: Knock) -> tuple[str, UUID]:
    """Return the cookie of the bed's current patient and who that is.

    An empty bed reads as a wrong PIN. Raises NotHere for a card of no bed, Refusal("signin.wrong" | "signin.locked").
    """
    card = await queries.bed_of_token(card_token)
    if card is None:
        raise NotHere
    actor = system(card.hospital)
    with acting_as(actor):
        bed = await queries.bed(actor, card.bed)
        admission = await queries.admission_of(actor, bed.patient) if bed.patient else None
        if admission is None:
            await accounts.verify_secret(None, pin)
            raise Refusal("signin.wrong", status=422)
        if not await check_pin(actor, admission.id, pin):
            raise Refusal("signin.wrong", status=422)
        user = (await queries.person(actor, admission.patient)).app_user
    memberships = await account_queries.memberships_everywhere(user) if user else []
    own = [m for m in memberships if m.hospital == card.hospital and m.role is Role.PATIENT]
    if user is None or not own:
        raise Refusal("signin.wrong", status=422)
    return await accounts.open_session(user, own[0], knock, admission=admission.id), user
