"""The ward boards, live, and the list that is printed when one shift hands over to the next."""

from typing import Any

from litestar import Controller, get
from litestar.connection import Request
from litestar.types import ASGIApp

from dusangire.board import queries
from dusangire.board.rules import BEDS_A_PAGE, SHOW_ICON, Show, State, counts, is_shown, pages
from dusangire.diets import queries as diets
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import LIVE, Acting
from dusangire.kernel.html import Html, draw, language, view, whole
from dusangire.kernel.live import stream

_SEE = needs(Can.WARD_SEE)


class Wards(Controller):
    """Boards that are read at three metres."""

    path = "/wards"

    @get("/", opt=_SEE)
    async def all_wards(self, request: Request, actor: Acting) -> Html:
        return view(request, "board/wards.html", **await _all(actor))

    @get("/live", opt=_SEE | LIVE)
    async def all_live(self, request: Request, actor: Acting) -> ASGIApp:
        async def drawn() -> str:
            return draw(request, "board/_wards.html", **await _all(actor))

        key = f"wards|{actor.hospital}|{language(request)}|{sorted(actor.rights)}"
        return stream(request.app.state.hub, *_bells(actor), draw=drawn, key=key)

    @get("/{code:str}", opt=_SEE)
    async def ward(self, request: Request, actor: Acting, code: str) -> Html:
        return view(request, "board/ward.html", **await _ward(request, actor, code))

    @get("/{code:str}/live", opt=_SEE | LIVE)
    async def ward_live(self, request: Request, actor: Acting, code: str) -> ASGIApp:
        show, start = _narrowed(request)

        async def drawn() -> str:
            return draw(request, "board/_ward.html", **await _ward(request, actor, code))

        key = f"ward|{actor.hospital}|{code}|{show}|{start}|{language(request)}|{sorted(actor.rights)}"
        return stream(request.app.state.hub, *_bells(actor), draw=drawn, key=key)

    @get("/{code:str}/hand-over-list", opt=_SEE)
    async def hand_over_list(self, request: Request, actor: Acting, code: str) -> Html:
        board = await queries.ward_board(actor, code)
        people = [spot for spot in board.spots if spot.side.person]
        fed = await diets.feeds(actor, [spot.side.person.id for spot in people if spot.side.person])
        return whole(request, "board/hand_over.html", board=board, spots=people, fed=fed)


def _bells(actor: Actor) -> tuple[str, ...]:
    return (f"{actor.hospital}:wards", f"{actor.hospital}:orders", f"{actor.hospital}:admissions")


def _narrowed(request: Request) -> tuple[Show, int]:
    """Return what the address narrows the board to; an address that says nonsense shows everything."""
    said, start = str(request.query_params.get("show", "")), str(request.query_params.get("from", ""))
    show = Show(said) if said in set(Show) else Show.ALL
    is_number = start.isascii() and start.isdigit() and len(start) < 4
    return show, int(start) // BEDS_A_PAGE * BEDS_A_PAGE if is_number else 0


async def _all(actor: Actor) -> dict[str, Any]:
    boards = await queries.all_wards(actor)
    return {"boards": [(board, counts(_states(board))) for board in boards], "meal": boards[0].meal if boards else None}


def _states(board: queries.WardBoard) -> list[State]:
    return [spot.state for spot in board.spots]


async def _ward(request: Request, actor: Actor, code: str) -> dict[str, Any]:
    board = await queries.ward_board(actor, code)
    show, start = _narrowed(request)
    kept = [spot for spot in board.spots if is_shown(spot.state, show)]
    start = start if start < len(kept) else 0
    return {
        "board": board,
        "spots": kept[start : start + BEDS_A_PAGE],
        "total": len(kept),
        "pages": pages([spot.side.number for spot in kept], start),
        "show": show,
        "start": start,
        "counts": [(one, count, SHOW_ICON[one]) for one, count in counts(_states(board)).items()],
    }
