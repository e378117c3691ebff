import pytest

from dusangire.kernel import jobs, journal
from dusangire.kernel.db import acting_as, fetch_value
from dusangire.kernel.phrase import Phrase
from dusangire.notify import jobs as notify_jobs
from dusangire.notify import queries, service
from dusangire.notify.gateways import smtp

WORDS = {"subject": Phrase("notify.none"), "body": Phrase("notify.none_say")}


async def _tell(actor, *, key="k1", by_mail=True):
    with acting_as(actor):
        return await service.tell(actor, actor.user, kind="test:told", key=key, by_mail=by_mail, **WORDS)


async def _event(actor, kind):
    with acting_as(actor):
        about = await fetch_value("SELECT about FROM event WHERE hospital = $1 AND kind = $2", actor.hospital, kind)
        (event,) = [e for e in await journal.history(actor, about) if e.kind == kind]
    return event


@pytest.mark.req("CHK-3.2.9")
async def test_the_same_news_is_told_once(bosco):
    assert await _tell(bosco)
    assert not await _tell(bosco)
    with acting_as(bosco):
        assert len(await queries.inbox(bosco)) == 1


@pytest.mark.req("CHK-3.2.9")
async def test_a_queued_mail_is_sent_once_however_often_its_job_runs(bosco):
    await _tell(bosco)
    event = await _event(bosco, "message:mail_queued")
    before = len(smtp.kept())
    with acting_as(bosco):
        await notify_jobs.send_mail(bosco, event)
        await notify_jobs.send_mail(bosco, event)
    assert len(smtp.kept()) == min(before + 1, 50)
    assert smtp.kept()[0].subject == "No message"


async def test_a_mail_that_could_not_be_sent_is_tried_again(bosco, monkeypatch):
    await _tell(bosco)
    event = await _event(bosco, "message:mail_queued")

    async def down(mail):
        raise smtp.NotSent("no answer")

    with acting_as(bosco):
        with monkeypatch.context() as patch, pytest.raises(smtp.NotSent):
            patch.setattr(smtp, "send", down)
            await notify_jobs.send_mail(bosco, event)
        state = "SELECT state FROM message WHERE hospital = $1 AND channel = 'mail'"
        assert await fetch_value(state, bosco.hospital) == "failed"
        await notify_jobs.send_mail(bosco, event)
        assert await fetch_value(state, bosco.hospital) == "sent"


@pytest.mark.req("CHK-1.1.6", "N10")
async def test_the_mailed_link_opens_the_page_for_a_new_password(browser, bosco):
    page = browser(None)
    address = await fetch_value("SELECT email FROM app_user WHERE id = $1", bosco.user)
    await page.post("/forgot", {"who": address})
    with acting_as(bosco):
        await notify_jobs.mail_password_reset(bosco, await _event(bosco, "password:reset_asked"))
    mail = next(one for one in smtp.kept() if address in one.address)
    link = next(line for line in mail.body.splitlines() if "/reset/" in line)
    path = "/reset/" + link.rpartition("/")[2]
    form = {"password": "a calm green plate", "repeated": "a calm green plate"}
    assert (await page.post(path, form)).status_code == 303
    assert (await page.post("/sign-in", {"who": address, "secret": "a calm green plate"})).status_code == 303
    shown = await page.get("/demo/mail")
    assert address in shown.text


@pytest.mark.req("CHK-3.2.8")
async def test_the_inbox_shows_ones_own_messages_and_marks_them_read(browser, bosco, diane):
    await _tell(bosco)
    page = browser(bosco)
    assert "No message" in (await page.get("/messages")).text
    assert "/messages/read" not in (await browser(diane).get("/messages")).text
    assert (await page.post("/messages/read")).status_code == 303
    with acting_as(bosco):
        assert await queries.unread(bosco) == 0
    assert '<li class="panel">' in (await page.get("/messages")).text, "what was read stays in the history"


def test_every_job_that_wiring_names_exists():
    from dusangire import wiring

    wiring.load_jobs()
    named = {name for names in wiring.REACTIONS.values() for name in names} | {work.job for work in wiring.CHORES}
    assert named <= jobs.names()
