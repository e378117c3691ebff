"""Messages to people."""

from piccolo.columns import UUID, Text, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow

from dusangire.kernel.db import OfHospital


class Message(OfHospital, tablename="message"):
    app_user = UUID(required=True)
    channel = Text(required=True)
    kind = Text(required=True)
    about = Text(default="")
    key = Text(required=True)
    subject = Text(required=True)
    body = Text(required=True)
    link = Text(default="")
    state = Text(default="queued")
    created_at = Timestamptz(default=TimestamptzNow())
    sent_at = Timestamptz(null=True, default=None)
    read_at = Timestamptz(null=True, default=None)
