"""Mails, sent later: queued messages and links to choose a password."""

from uuid import UUID

from dusangire.accounts import queries as accounts
from dusangire.accounts import service as account_service
from dusangire.accounts.rules import RESET_MINUTES
from dusangire.kernel.access import Actor
from dusangire.kernel.jobs import job
from dusangire.kernel.journal import Event
from dusangire.kernel.settings import settings
from dusangire.kernel.text import say
from dusangire.notify import queries, service
from dusangire.notify.gateways import smtp
from dusangire.notify.gateways.smtp import Mail, NotSent


@job("send_mail", can_wait=True)
async def send_mail(actor: Actor, event: Event) -> None:
    """On `message:mail_queued`: send it once; a second run finds it sent."""
    mail = await queries.outgoing(actor, UUID(event.about.partition(":")[2]))
    if mail is None:
        return
    link = f"\n\n{settings().public_url}{mail.link}" if mail.link else ""
    try:
        await smtp.send(Mail(mail.address, mail.subject, mail.body + link))
    except NotSent:
        await service.mark_failed(actor, mail.id)
        raise
    await service.mark_sent(actor, mail.id)


@job("mail_password_reset")
async def mail_password_reset(actor: Actor, event: Event) -> None:
    """On `password:reset_asked`: make the token here, so that no table and no log ever holds it, and mail it."""
    user = UUID(event.about.partition(":")[2])
    person = await accounts.person(user)
    if person is None or person.email is None:
        return
    link = f"{settings().public_url}/reset/{await account_service.make_reset(user)}"
    body = say(person.language, "notify.reset_body", name=person.name, min=RESET_MINUTES, link=link)
    await smtp.send(Mail(person.email, say(person.language, "notify.reset_subject"), body))
