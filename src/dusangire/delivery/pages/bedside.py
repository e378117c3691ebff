"""One tray at the bed: its code, the bed's code or the person's words, the hand-over, and the reasons against it."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.connection import Request
from litestar.datastructures import UploadFile
from litestar.types import ASGIApp
from msgspec import Struct

from dusangire.delivery import queries, service
from dusangire.delivery.pages.run import Scanned, reader
from dusangire.delivery.rules import CARRIED, Proof, Reason
from dusangire.delivery.service import Evidence, Miss
from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, draw, go, whole
from dusangire.kernel.live import stream
from dusangire.orders import service as order_service
from dusangire.orders.rules import Status


class AtBed(Struct, frozen=True):
    """The card of the bed, or its number with what the patient says."""

    code: Annotated[str, Limits(most=300)] = ""
    name: Annotated[str, Limits(most=120)] = ""
    year: Annotated[int | None, Limits(least=1900, most=2100)] = None


class Handing(Struct, frozen=True):
    """The proof; the photo comes as a file beside it."""

    proof: Proof = Proof.CONFIRMED
    signature: Annotated[str, Limits(most=60_000)] = ""
    initials: Annotated[str, Limits(most=40)] = ""


class Failing(Struct, frozen=True):
    reason: Reason


_FIELD = {"delivery.photo_missing": "photo", "error.file": "photo", "delivery.sign_missing": "initials"}


class Bedside(Controller):
    """From the door of the room to the hand-over."""

    path = "/delivery/{order_id:uuid}"
    opt = needs(Can.DELIVERY_WORK)

    @get("/hand-over")
    async def show(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        return await _page(request, actor, order_id, forms.empty(Scanned))

    @get("/live", opt=LIVE)
    async def live(self, request: Request, actor: Acting, order_id: UUID) -> ASGIApp:
        stop = await queries.stop(actor, order_id)

        async def drawn() -> str:
            now = await queries.stop(reader(request, actor), order_id)
            return draw(request, "delivery/_tray.html", stop=now, recalls=await queries.recalls(actor))

        bells = (f"order:{order_id}", f"patient:{stop.patient}", service.carrier_bell(actor.user))
        return stream(request.app.state.hub, *bells, draw=drawn)

    @get("/fresh")
    async def fresh(self, request: Request, actor: Acting, order_id: UUID) -> Response[str]:
        stop = await queries.stop(actor, order_id)
        return Response(
            draw(request, "delivery/_fresh.html", stop=stop, **await _looked(actor, order_id)), media_type="text/html"
        )

    @post("/tray")
    async def check_tray(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        form = await forms.read(request, Scanned)
        if form.value is None:
            return await _page(request, actor, order_id, form, status=422)
        try:
            await service.collect(actor, order_id)
            miss = await service.check_tray(actor, order_id, form.value.code)
        except Refusal as refused:
            return await _stopped(request, actor, order_id, form, refused)
        return await _next(request, actor, order_id, miss)

    @post("/bed")
    async def check_bed(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        form = await _complete(actor, await forms.read(request, AtBed))
        if form.value is None:
            return await _page(request, actor, order_id, form, status=422)
        said = form.value
        if said.name:
            miss = await service.check_person(actor, order_id, said.code, said.name, said.year)
        else:
            miss = await service.check_bed(actor, order_id, said.code)
        return await _next(request, actor, order_id, miss)

    @post("/hand-over", request_max_body_size=service.UPLOAD_LIMIT)
    async def hand_over(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        form = await forms.read(request, Handing)
        if form.value is None:
            return await _page(request, actor, order_id, form, status=422)
        said = form.value
        evidence = Evidence(said.proof, await _photo(request), said.signature, said.initials)
        try:
            await service.hand_over(actor, order_id, evidence)
        except Refusal as refused:
            if refused.key not in _FIELD:
                return await _stopped(request, actor, order_id, form, refused)
            wrong = form.refuse(_FIELD[refused.key], refused.key, **refused.facts)
            return await _page(request, actor, order_id, wrong, status=422)
        return go(request, "/delivery/")

    @post("/fail")
    async def fail(self, request: Request, actor: Acting, order_id: UUID) -> Html:
        form = await forms.read(request, Failing)
        if form.value is None:
            return await _page(request, actor, order_id, form, status=422)
        await service.fail(actor, order_id, form.value.reason)
        return go(request, "/delivery/")

    @get("/proof", opt=needs(Can.DELIVERY_WORK, Can.ORDERS_SEE))
    async def proof(self, actor: Acting, order_id: UUID) -> Response[bytes]:
        content, media_type = await service.kept(actor, order_id)
        headers = {"Content-Disposition": "inline", "Content-Security-Policy": "default-src 'none'; sandbox"}
        return Response(content, media_type=media_type, headers=headers)


async def _page(
    request: Request, actor: Actor, order_id: UUID, form: Form, *, status: int = 200, refused: Refusal | None = None
) -> Html:
    stop = await queries.stop(reader(request, actor), order_id)
    if stop.status not in (*CARRIED, Status.HELD):
        return go(request, "/delivery/")
    return whole(
        request,
        "delivery/hand_over.html",
        status=status,
        stop=stop,
        recalls=await queries.recalls(actor),
        **await _looked(actor, order_id),
        step=stop.step(clock.now()),
        form=form,
        refused=refused,
        reasons=list(Reason),
    )


async def _stopped(request: Request, actor: Actor, order_id: UUID, form: Form, refused: Refusal) -> Html:
    """Show a tray that was stopped meanwhile in red, with what to do; tell any other refusal as it is."""
    if (await queries.stop(actor, order_id)).is_held:
        return await _page(request, actor, order_id, form, status=409, refused=refused)
    raise refused


async def _next(request: Request, actor: Actor, order_id: UUID, miss: Miss | None) -> Html:
    """Go on to the next step, or stop the carrier with the whole screen."""
    if miss is None:
        return go(request, f"/delivery/{order_id}/hand-over")
    stop = await queries.stop(reader(request, actor), order_id)
    recalls = await queries.recalls(actor)
    return whole(
        request, "delivery/stop.html", status=409, stop=stop, kind=miss.kind.value, found=miss.found, recalls=recalls
    )


async def _looked(actor: Actor, order_id: UUID) -> dict[str, Any]:
    """Judge the tray as it will be judged at the hand-over, for the phone to know how fresh its page is."""
    refused = await order_service.look(actor, order_id)
    judged_ms = int(clock.now().timestamp() * 1000)
    return {"may_go": refused is None, "why_not": refused.whole if refused else None, "judged_ms": judged_ms}


async def _complete(actor: Actor, form: Form[AtBed]) -> Form[AtBed]:
    """Ask for the name and the year as well where no card was scanned."""
    said = form.value
    if said is None or (said.code and await service.is_card(actor, said.code) and not said.name):
        return form
    if said.code and not said.name and not await service.is_number(actor, said.code):
        return form
    if not said.name:
        form = form.refuse("name", "delivery.need_name" if said.code else "form.required")
    return form if said.year is not None else form.refuse("year", "delivery.need_year")


async def _photo(request: Request) -> bytes:
    sent = (await request.form()).get("photo")
    return await sent.read() if isinstance(sent, UploadFile) else b""
