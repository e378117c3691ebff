"""One bed: who lies in it, what can be done for them, and the card that hangs on it."""

import segno
from litestar import Controller, get
from litestar.connection import Request
from markupsafe import Markup

from dusangire.board import queries
from dusangire.diets import queries as diets
from dusangire.diets.queries import DietBrief
from dusangire.kernel import clock, text
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import NotHere
from dusangire.kernel.html import Html, whole
from dusangire.kernel.settings import settings
from dusangire.orders import queries as orders
from dusangire.payments.queries import funds
from dusangire.wards import queries as wards
from dusangire.wards.queries import BedRow
from dusangire.wards.rules import EndReason, Person


class Beds(Controller):
    """The page behind each bed of the board."""

    path = "/wards/bed/{bed_code:str}"

    @get("/", opt=needs(Can.WARD_SEE))
    async def show(self, request: Request, actor: Acting, bed_code: str) -> Html:
        bed = await _bed(actor, bed_code)
        spot = await queries.spot_of_bed(actor, bed.id)
        if spot is None:
            raise NotHere
        patient = bed.patient
        today = clock.local_day(clock.now(), actor.zone)
        return whole(
            request,
            "board/bed.html",
            bed=bed,
            spot=spot,
            person=spot.side.person,
            ward=await wards.ward(actor, bed.ward),
            today=today,
            measured=await wards.measurements(actor, patient) if patient else {},
            alike=await _alike(actor, spot.side.person),
            free=[one for one in await wards.free_beds(actor) if one.id != bed.id] if patient else [],
            trays=await orders.orders_of(actor, patient, since=today) if patient else [],
            reasons=list(EndReason),
            helps=await funds.grants_for(actor, patient, today) if patient and actor.may(Can.FUND_GRANT) else [],
            tasks=await diets.open_tasks(actor, patient) if patient else [],
            task_key=_task_key,
            said=str(request.query_params.get("said", "")),
        )

    @get("/door", opt=needs(Can.WARD_SEE))
    async def door(self, request: Request, actor: Acting, bed_code: str) -> Html:
        """A sign for the door while the bed fasts: the bed, until when, and nobody's name."""
        bed = await _bed(actor, bed_code)
        spot = await queries.spot_of_bed(actor, bed.id)
        if spot is None or spot.brief is None or not spot.brief.is_fasting:
            raise NotHere
        lines = [_line(one, spot.brief, actor.zone) for one in ("rw", "en", "fr")]
        return whole(request, "board/door.html", bed=bed, lines=lines)

    @get("/card", opt=needs(Can.WARD_SEE, Can.BEDS_MANAGE))
    async def card(self, request: Request, actor: Acting, bed_code: str) -> Html:
        bed = await _bed(actor, bed_code)
        address = f"{settings().public_url}/bed/{bed.card_token}"
        return whole(request, "board/card.html", bed=bed, code=_code(address), address=address)


async def _bed(actor: Actor, bed_code: str) -> BedRow:
    bed = await wards.bed_of_code(actor, bed_code)
    if bed is None:
        raise NotHere
    return bed


def _line(language: str, brief: DietBrief, zone: str) -> tuple[str, str, str, str]:
    """Return the sign, until when, and whom to ask, in one language."""
    ends = brief.fasting_until
    until = text.say(language, "board.until_released")
    if ends is not None:
        until = text.say(language, "board.until", time=clock.local(ends, zone).strftime("%H:%M, %d.%m."))
    return language, text.say(language, "npo.door_sign"), until, text.say(language, "fasting.door_ask")


def _task_key(kind: str) -> str:
    key = f"diets.task.{kind}"
    return key if text.has(key) else "diets.task.other"


async def _alike(actor: Actor, person: Person | None) -> list[Person]:
    if person is None:
        return []
    return await wards.look_alikes(actor, person.given_name, person.family_name, but=person.id)


def _code(address: str) -> Markup:
    """Return the QR code as SVG; the address names a bed by a random token, and nobody who lies in it."""
    drawn = segno.make(address, error="m", micro=False)
    return Markup(drawn.svg_inline(border=0, svgclass=None, lineclass=None, omitsize=True))  # noqa: S704  our own drawing
