"""Messages to people and how they were delivered."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import walls

ID = "2026-11-21T06:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Messages to people and how they were delivered."

SQL = f"""
CREATE TABLE message (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    app_user uuid NOT NULL REFERENCES app_user,
    channel text NOT NULL CHECK (channel IN ('inbox', 'mail')),
    kind text NOT NULL,
    about text NOT NULL DEFAULT '',
    key text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL,
    link text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed')),
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    read_at timestamptz
);
{walls("message")}
CREATE UNIQUE INDEX message_once ON message (hospital, key, channel, app_user);
CREATE INDEX message_inbox ON message (hospital, app_user, created_at DESC);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
