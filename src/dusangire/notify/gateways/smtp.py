"""Mail: by SMTP where a server is named; in the demo into a folder that a page shows."""

from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiosmtplib
from msgspec import Struct

from dusangire.kernel.ids import uuid7
from dusangire.kernel.settings import settings

_TIMEOUT_S = 15
_SHOWN = 50


class NotSent(Exception):
    """The mail server could not be reached or did not take the mail; trying again may help."""


class Mail(Struct, frozen=True):
    """What is sent, and to whom."""

    address: str
    subject: str
    body: str


async def send(mail: Mail) -> None:
    """Send one mail. Raises NotSent."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings().mail_from, mail.address, mail.subject
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body)
    url = settings().smtp_url
    if url is None:
        _write(message)
        return
    parts = urlsplit(url)
    try:
        await aiosmtplib.send(
            message,
            hostname=parts.hostname,
            port=parts.port or (465 if parts.scheme == "smtps" else 587),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            use_tls=parts.scheme == "smtps",
            timeout=_TIMEOUT_S,
        )
    except (aiosmtplib.SMTPException, OSError) as error:
        raise NotSent(str(error)) from error


def kept() -> list[Mail]:
    """Return the mails of the demo, newest first."""
    found = []
    for path in sorted(_folder().glob("*.eml"), reverse=True)[:_SHOWN]:
        message = BytesParser(policy=default).parsebytes(path.read_bytes())
        body = message.get_body(("plain",))
        found.append(Mail(str(message["To"]), str(message["Subject"]), body.get_content() if body else ""))
    return found


def _write(message: EmailMessage) -> None:
    _folder().mkdir(parents=True, exist_ok=True)
    (_folder() / f"{uuid7()}.eml").write_bytes(bytes(message))


def _folder() -> Path:
    return settings().home / "mail"
