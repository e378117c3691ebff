"""Feeds and allergies: what the patient turns out to be allergic to stops running in the commit that says so."""

from uuid import UUID

from dusangire.accounts import queries as accounts
from dusangire.diets import queries
from dusangire.diets.queries import FeedDay
from dusangire.diets.rules.feeds import is_stopped
from dusangire.diets.service.tasks import open_task
from dusangire.diets.tables import FeedOrder
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import mine
from dusangire.kernel.journal import record
from dusangire.kernel.phrase import Named, Phrase
from dusangire.notify import service as notify
from dusangire.wards import queries as ward_queries
from dusangire.wards.rules import Person

FEED_ALLERGY = "feed_allergy"
_TOLD = (Role.NURSE, Role.NUTRITIONIST, Role.DOCTOR)


async def suspend_clashing_feeds(actor: Actor, about: str) -> None:
    """Suspend the feeds that an allergy of their patient forbids, within the transaction that changed the safety row.

    `about` is `patient:<id>`; the lock is the caller's. Words that nobody has coded forbid every feed. Who signs diets
    resumes or stops it; until then it waits, also after the allergy has ended.
    """
    patient = UUID(about.partition(":")[2])
    running = (await queries.feeds(actor, [patient]))[patient].running
    against = [one for one in running if one.is_against_allergy and not is_stopped(one.row.facts())]
    if against:
        person = await ward_queries.person(actor, patient)
        for one in against:
            await _suspend(actor, person, one)


async def _suspend(actor: Actor, person: Person, one: FeedDay) -> None:
    feed, code = one.row.id, one.row.product_code
    now = clock.now()
    await FeedOrder.update({FeedOrder.suspended_at: now}).where(
        mine(FeedOrder, actor), FeedOrder.id == feed, FeedOrder.stopped_at.is_null()
    )
    said = ", ".join(one.clashes) or one.unclear
    await record(
        actor, "feed:suspended", f"patient:{person.id}", also=[f"{actor.hospital}:wards"],
        feed=str(feed), code=code, allergy=said,
    )  # fmt: skip
    link = f"/health-profiles/{person.id}/feeds"
    await open_task(
        actor, FEED_ALLERGY, patient=person.id, about=f"feed:{feed}", said=f"{one.row.name_en}: {said}", link=link
    )
    facts: dict[str, Phrase | Named | str | int] = {
        "bed": person.bed_code or "–",
        "feed": Named(one.row.name_en, one.row.name_fr, one.row.name_rw),
        "allergy": said,
    }
    for user in await accounts.on_ward(actor, person.ward, _TOLD):
        await notify.tell(
            actor,
            user,
            kind="feed:suspended",
            key=f"feed:suspended:{feed}:{now.isoformat()}",
            subject=Phrase("feeds.told_subject", facts),
            body=Phrase("feeds.told_body", facts),
            about=f"patient:{person.id}",
            link=link,
        )
