"""News from providers: only ever a reason to ask them. Nothing in it is believed, and nothing is told in return."""

from uuid import UUID

from litestar import Controller, Response, route
from litestar.connection import Request

from dusangire.kernel.access import PUBLIC, needs, system
from dusangire.kernel.db import acting_as
from dusangire.kernel.limits import knocks
from dusangire.payments import queries, service
from dusangire.payments.gateways import hooks
from dusangire.payments.queries import Named
from dusangire.payments.rules.providers import Provider

_OPEN = needs(PUBLIC) | {"no_form_token": True, "no_session": True, "skip_compression": True}
_BODY_LIMIT = 8 * 1024
_WINDOW_S = 60
_MOST_OF_ONE = 20
_MOST_FORGED = 30
_HEARD: Response[str] = Response("", status_code=200, media_type="text/plain")
_NOTHING: Response[str] = Response("", status_code=404, media_type="text/plain")


class Hooks(Controller):
    path = "/hooks"
    opt = _OPEN

    @route("/momo/{payment:uuid}/{token:str}", http_method=["POST", "PUT"], request_max_body_size=_BODY_LIMIT)
    async def momo(self, request: Request, payment: UUID, token: str) -> Response[str]:
        """MTN's: the address alone says which payment; the body is not even read."""
        return await _hear(request, Provider.MTN, payment, is_genuine=hooks.is_token(payment, token))

    @route("/airtel/{token:str}", http_method=["POST", "PUT"], request_max_body_size=_BODY_LIMIT)
    async def airtel(self, request: Request, token: str) -> Response[str]:
        """Airtel's: one address for all; the body names our reference."""
        body = await request.body()
        reference = hooks.named_in(body)
        if not hooks.is_portal_token(token) or reference is None:
            return _NOTHING
        named = await queries.hospital_of(reference=reference)
        if named is None:
            return _NOTHING
        return await _hear(request, Provider.AIRTEL, named.id, is_genuine=hooks.is_airtel_signed(body), named=named)


async def _hear(
    request: Request, provider: Provider, payment: UUID, *, is_genuine: bool, named: Named | None = None
) -> Response[str]:
    """Let the provider be asked now, and keep that news came; too many of them are not counted any more."""
    if is_genuine:
        if await knocks("hook", payment.hex, _WINDOW_S) > _MOST_OF_ONE:
            return _HEARD
    elif await knocks("hook_forged", request.client.host if request.client else "", _WINDOW_S) > _MOST_FORGED:
        return _NOTHING
    found = named or await queries.hospital_of(payment=payment)
    if found is None:
        return _NOTHING
    actor = system(found.hospital)
    with acting_as(actor):
        await service.note_hook(actor, provider, found.id, "heard" if is_genuine else "forged")
        if is_genuine:
            await service.ask_soon(actor, found.id)
    return _HEARD if is_genuine else _NOTHING
