"""Where the code on a tray leads, by who scans it."""

from litestar import Controller, get
from litestar.connection import Request

from dusangire.kernel.access import Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.html import Html, go, whole
from dusangire.kitchen.rules import Step, step_of
from dusangire.orders import queries as orders
from dusangire.orders.queries import OldLabel
from dusangire.orders.rules import GONE, Status


class Trays(Controller):
    """The cook confirms that the tray left, the carrier takes it or hands it over, everybody else reads the order."""

    path = "/tray"
    opt = needs()

    @get("/{token:str}")
    async def show(self, request: Request, actor: Acting, token: str) -> Html:
        try:
            tray = await orders.by_label(actor, token)
        except OldLabel as old:
            return whole(request, "kitchen/old_label.html", status=old.status, tray=old.tray)
        step = step_of(tray.status, cooks=actor.may(Can.KITCHEN_WORK), carries=actor.may(Can.DELIVERY_WORK))
        if step is Step.READ:
            return go(request, f"/orders/{tray.id}")
        stopped = tray.status is Status.HELD or tray.status in GONE
        return whole(
            request,
            "kitchen/tray.html",
            tray=tray,
            step=step.value,
            is_stopped=stopped,
            why=tray.why_held_for_staff if tray.status is Status.HELD else None,
            instead=await orders.replacement_of(actor, tray.id) if stopped else None,
        )
