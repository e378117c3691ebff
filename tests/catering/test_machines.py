"""Every state of an event and of a staff tray against every verb, by every role: what the table lacks changes nothing."""

from datetime import timedelta
from uuid import UUID

import pytest

from dusangire.catering import queries, service
from dusangire.catering.rules import EVENT, STAFF_TRAY, EventStatus, EventVerb, Offer, TrayStatus, TrayVerb
from dusangire.catering.service import Quote
from dusangire.catering.tables import CateringEvent, StaffTray
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, transaction
from dusangire.kernel.ids import short_code, uuid7
from dusangire.kernel.money import Money
from dusangire.menu import queries as menu
from tests.make import Make
from tests.payments.machines import wrong_moves


@pytest.mark.req("K8")
async def test_an_event_moves_only_as_its_table_says(make: Make, bosco: Actor) -> None:
    await make.menu()
    with acting_as(bosco):
        code = sorted(await menu.cards(bosco))[0]
    now = clock.now()

    async def put(state: EventStatus) -> UUID:
        made = uuid7()
        async with transaction():
            await CateringEvent.insert(
                CateringEvent(
                    id=made, hospital=bosco.hospital, key=made.hex, code=f"E-{short_code(6)}", title="Training",
                    starts_at=now + timedelta(days=3), place="Hall 2", heads=30, bill_to="Nursing", asked_by=bosco.user,
                    status=state.value, quote_rev=1, total_minor=1000,
                )
            )  # fmt: skip
        return made

    async def move(who: Actor, event: UUID, verb: EventVerb) -> object:
        until = clock.local_day(now, who.zone) + timedelta(days=1)
        steps = {
            EventVerb.QUOTE: lambda: service.quote(who, event, Quote((Offer(code, 1, Money(5)),), Money(0), until)),
            EventVerb.ACCEPT: lambda: service.accept(who, event, 1),
            EventVerb.DECLINE: lambda: service.decline(who, event, "too dear"),
            EventVerb.CANCEL: lambda: service.cancel(who, event, "no need"),
            EventVerb.START: lambda: service.start_event(who, event),
            EventVerb.DELIVER: lambda: service.deliver(who, event),
        }
        return await steps[verb]()

    async def read(event: UUID) -> str:
        return (await queries.event(bosco, event)).status

    verbs = [verb for verb in EventVerb if verb is not EventVerb.SETTLE]
    with acting_as(bosco):
        assert await wrong_moves(EVENT, verbs, EventStatus, bosco, put=put, move=move, read=read) == []


@pytest.mark.req("K4")
async def test_a_staff_tray_moves_only_as_its_table_says(make: Make, bosco: Actor) -> None:
    now = clock.now()

    async def put(state: TrayStatus) -> UUID:
        made = uuid7()
        async with transaction():
            await StaffTray.update({StaffTray.status: TrayStatus.CANCELLED.value}).where(
                StaffTray.hospital == bosco.hospital
            )
            await StaffTray.insert(
                StaffTray(
                    id=made, hospital=bosco.hospital, code=f"S-{short_code(6)}", app_user=bosco.user,
                    day=clock.local_day(now, bosco.zone), period="lunch", serve_from=now, serve_to=now,
                    cutoff_at=now + timedelta(hours=1), area="Theatre 2", status=state.value, total_minor=0,
                )
            )  # fmt: skip
        return made

    async def move(who: Actor, tray: UUID, verb: TrayVerb) -> object:
        if verb is TrayVerb.CANCEL:
            return await service.cancel_tray(who, tray)
        return await service.move_tray(who, tray, verb)

    async def read(tray: UUID) -> str:
        return (await queries.tray(bosco, tray)).status

    with acting_as(bosco):
        assert await wrong_moves(STAFF_TRAY, TrayVerb, TrayStatus, bosco, put=put, move=move, read=read) == []
