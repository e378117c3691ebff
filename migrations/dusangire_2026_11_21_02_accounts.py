"""Hospitals, users, memberships, sessions, password resets."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import walls

ID = "2026-11-21T02:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Hospitals, users, memberships, sessions, password resets."

SQL = f"""
CREATE TABLE hospital (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    zone text NOT NULL DEFAULT 'Africa/Kigali',
    phone text NOT NULL DEFAULT '',
    is_demo boolean NOT NULL DEFAULT false
);
GRANT SELECT ON hospital TO dus_app, dus_door, dus_relay;
GRANT INSERT, UPDATE ON hospital TO dus_app;

CREATE TABLE app_user (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    email text UNIQUE CHECK (email = lower(email)),
    phone text UNIQUE CHECK (phone ~ '^[+][0-9]{{8,15}}$'),
    password_hash text,
    language text NOT NULL DEFAULT 'rw' CHECK (language IN ('rw', 'en', 'fr')),
    is_disabled boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON app_user TO dus_app;
GRANT SELECT ON app_user TO dus_door;

CREATE TABLE membership (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    app_user uuid NOT NULL REFERENCES app_user,
    role text NOT NULL,
    granted text[] NOT NULL DEFAULT '{{}}',
    revoked text[] NOT NULL DEFAULT '{{}}',
    patient uuid,
    wards uuid[] NOT NULL DEFAULT '{{}}',
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE UNIQUE INDEX membership_once ON membership (hospital, app_user, role, coalesce(patient, app_user)) WHERE ended_at IS NULL;
CREATE INDEX membership_user ON membership (app_user) WHERE ended_at IS NULL;
{walls("membership")}
CREATE POLICY door ON membership FOR SELECT TO dus_door USING (true);
GRANT SELECT ON membership TO dus_door;

CREATE TABLE session (
    token_hash bytea PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    app_user uuid NOT NULL REFERENCES app_user,
    membership uuid NOT NULL REFERENCES membership,
    admission uuid,
    device text NOT NULL DEFAULT '',
    signed_in_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    ends_at timestamptz NOT NULL
);
CREATE INDEX session_of_user ON session (app_user);
CREATE INDEX session_admission ON session (admission) WHERE admission IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON session TO dus_app;

CREATE TABLE password_reset (
    token_hash bytea PRIMARY KEY,
    app_user uuid NOT NULL REFERENCES app_user,
    ends_at timestamptz NOT NULL
);
CREATE INDEX password_reset_user ON password_reset (app_user);
GRANT SELECT, INSERT, DELETE ON password_reset TO dus_app;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
