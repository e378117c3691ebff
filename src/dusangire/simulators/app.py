"""The simulators in one process: three contracts below their prefixes, and a desk to play the telephone and turn knobs.

POST /_knobs {"mtn": {"callbacks": 0}} turns knobs, POST /_reset forgets everything, GET /_sent lists the news that
was sent, GET /_money the payments and refunds as the provider has them, GET /_statement?provider=mtn&day=… its list.
"""

import asyncio
import signal
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar, Request, Response, get, post, route
from litestar.response import Redirect

from dusangire.kernel.settings import settings
from dusangire.payments.rules.providers import airtel_hook_path
from dusangire.simulators import desk
from dusangire.simulators.airtel import Airtel
from dusangire.simulators.answers import Call
from dusangire.simulators.ebm import Ebm
from dusangire.simulators.knobs import EXPIRED, REFUSED, SUCCESS, Knobs, turned
from dusangire.simulators.mtn import Mtn
from dusangire.simulators.till import KIGALI, Sender, Till


class House:
    """The three simulators and the news they sent."""

    def __init__(self, airtel_news: str | None) -> None:
        self.sender = Sender()
        self.mtn = Mtn(self.sender, Knobs())
        self.airtel = Airtel(self.sender, Knobs(callback_url=airtel_news))
        self.ebm = Ebm(self.sender, Knobs())

    @property
    def tills(self) -> Mapping[str, Till]:
        return {"mtn": self.mtn.till, "airtel": self.airtel.till, "ebm": self.ebm.till}

    def at(self, prefix: str) -> Mtn | Airtel | Ebm | None:
        """Return the simulator below a prefix of the address."""
        found: dict[str, Mtn | Airtel | Ebm] = {"mtn": self.mtn, "airtel": self.airtel, "ebm": self.ebm}
        return found.get(prefix)

    def forget(self) -> None:
        """Begin anew, as after a restart."""
        self.mtn.till.forget()
        self.airtel.till.forget()
        self.ebm.forget()
        self.sender.sent.clear()


def create() -> Litestar:
    """Return the application; Airtel's portal holds the address for news of this installation."""
    return build(settings().public_url + airtel_hook_path(settings().derive("payment hooks")))


def build(airtel_news: str | None) -> Litestar:
    """Return the application."""
    house = House(airtel_news)

    @route(["/{provider:str}", "/{provider:str}/{rest:path}"], http_method=["GET", "POST"])
    async def contract(request: Request, provider: str, rest: str = "") -> Response[bytes]:
        simulator = house.at(provider)
        if simulator is None:
            return Response(b"", status_code=404)
        path = [part for part in rest.split("/") if part]
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = {name: str(value) for name, value in request.query_params.items()}
        answer = await simulator.answer(Call(request.method, path, query, headers, await request.body()))
        return Response(
            answer.content, status_code=answer.status, media_type=answer.media_type, headers=dict(answer.headers)
        )

    return Litestar([contract, *_desk(house)], openapi_config=None, logging_config=None)


def _desk(house: House) -> list[Any]:
    """Return the routes for people and tests."""

    @get("/")
    async def page() -> Response[str]:
        return Response(desk.page(house.tills, datetime.now(KIGALI).date()), media_type="text/html")

    @post("/_prompts/{provider:str}/{reference:str}/{verb:str}")
    async def press(provider: str, reference: str, verb: str) -> Response[Any]:
        till = house.tills.get(provider)
        payment = till.payments.get(reference) if till else None
        if till is None or payment is None:
            return Response(b"", status_code=404)
        if verb == "ignore":
            payment.is_ignored = True
        else:
            till.decide(payment, {"approve": SUCCESS, "refuse": REFUSED}.get(verb, EXPIRED))
        return Redirect("/", status_code=303)

    @get("/_knobs")
    async def knobs() -> Response[bytes]:
        return _said({name: till.knobs for name, till in house.tills.items()})

    @post("/_knobs")
    async def turn(request: Request) -> Response[bytes]:
        try:
            said = msgspec.json.decode(await request.body(), type=dict[str, dict[str, Any]])
            made = {name: turned(house.tills[name].knobs, changes) for name, changes in said.items()}
        except (msgspec.MsgspecError, KeyError) as error:
            return _said({"error": str(error)}, 400)
        for name, one in made.items():
            house.tills[name].turn(one)
        return _said(made)

    @post("/_reset")
    async def reset() -> Response[bytes]:
        house.forget()
        return _said({})

    @get("/_sent")
    async def sent() -> Response[bytes]:
        return _said(list(house.sender.sent))

    @get("/_money")
    async def money() -> Response[bytes]:
        return _said({
            name: {"payments": list(till.payments.values()), "refunds": list(till.refunds.values())}
            for name, till in house.tills.items()
        })  # fmt: skip

    @get("/_statement")
    async def statement(provider: str, day: date) -> Response[str]:
        till = house.tills.get(provider)
        if provider not in ("mtn", "airtel") or till is None:
            return Response("", status_code=404, media_type="text/plain")
        name = f"{provider}-{day}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(desk.statement(till, day), media_type="text/csv", headers=headers)

    return [page, press, knobs, turn, reset, sent, money, statement]


def _said(said: object, status: int = 200) -> Response[bytes]:
    return Response(msgspec.json.encode(said), status_code=status, media_type="application/json")


def serve() -> None:
    """Serve on loopback until told to stop: in this process alone, so that nothing is left behind when it dies."""
    asyncio.run(_serve())


async def _serve() -> None:
    server = Server(
        create(),
        address="127.0.0.1",
        port=settings().providers_port,
        interface=Interfaces.ASGI,
        log_access=False,
        log_level=LogLevels.error,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.serve()
