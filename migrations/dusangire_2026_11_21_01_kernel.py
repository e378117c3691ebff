"""The journal, effects done once, and rate limits."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import wall

ID = "2026-11-21T01:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "The journal, effects done once, and rate limits."

SQL = f"""
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
GRANT USAGE ON SCHEMA public TO dus_app, dus_door, dus_relay;

CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hospital int NOT NULL,
    kind text NOT NULL CHECK (kind ~ '^[a-z_]+:[a-z_]+$'),
    about text NOT NULL,
    actor uuid,
    actor_role text NOT NULL,
    actor_name text NOT NULL DEFAULT '',
    facts jsonb NOT NULL DEFAULT '{{}}',
    bells text[] NOT NULL DEFAULT '{{}}',
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    relayed_at timestamptz
);
CREATE INDEX event_about ON event (hospital, about, id);
CREATE INDEX event_kind ON event (hospital, kind, at);
CREATE INDEX event_at ON event (at);
CREATE INDEX event_unrelayed ON event (id) WHERE relayed_at IS NULL;
{wall("event")}
CREATE POLICY relay ON event TO dus_relay USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON event TO dus_app;
GRANT SELECT ON event TO dus_relay;
GRANT UPDATE (relayed_at) ON event TO dus_relay;

CREATE TABLE effect (
    hospital int NOT NULL,
    key text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (hospital, key)
);
{wall("effect")}
GRANT SELECT, INSERT ON effect TO dus_app;

CREATE TABLE knock (
    scope text NOT NULL,
    key text NOT NULL,
    window_start timestamptz NOT NULL,
    n int NOT NULL,
    PRIMARY KEY (scope, key, window_start)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON knock TO dus_app;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
