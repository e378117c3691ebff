"""Meals for people who are not patients: trays of the staff, and the catering of events."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import inventory, walls

ID = "2026-11-21T23:56:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Meals for people who are not patients: trays of the staff, and the catering of events."

_NAMES = "dish_code text NOT NULL, name_en text NOT NULL, name_fr text NOT NULL, name_rw text NOT NULL"

SQL = f"""
-- What somebody who works here must not eat.
CREATE TABLE staff_diner (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    app_user uuid NOT NULL REFERENCES app_user,
    allergens text[] NOT NULL DEFAULT '{{}}',
    changed_at timestamptz NOT NULL DEFAULT now()
);
{walls("staff_diner")}
CREATE UNIQUE INDEX staff_diner_once ON staff_diner (hospital, app_user);

CREATE TABLE staff_tray (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    code text NOT NULL,
    app_user uuid NOT NULL REFERENCES app_user,
    day date NOT NULL,
    period text NOT NULL,
    serve_from timestamptz NOT NULL,
    serve_to timestamptz NOT NULL,
    cutoff_at timestamptz NOT NULL,
    area text NOT NULL CHECK (btrim(area) <> ''),
    status text NOT NULL CHECK (status IN ('ordered', 'preparing', 'ready', 'delivered', 'cancelled')),
    total_minor int NOT NULL CHECK (total_minor >= 0),
    placed_at timestamptz NOT NULL DEFAULT now(),
    status_at timestamptz NOT NULL DEFAULT now()
);
{walls("staff_tray")}
CREATE UNIQUE INDEX staff_tray_code ON staff_tray (hospital, code);
CREATE UNIQUE INDEX staff_tray_once ON staff_tray (hospital, app_user, day, period) WHERE status <> 'cancelled';
CREATE INDEX staff_tray_day ON staff_tray (hospital, day, status);

CREATE TABLE staff_tray_line (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    tray uuid NOT NULL,
    dish uuid NOT NULL,
    {_NAMES},
    price_minor int NOT NULL CHECK (price_minor >= 0),
    FOREIGN KEY (hospital, tray) REFERENCES staff_tray (hospital, id),
    FOREIGN KEY (hospital, dish) REFERENCES dish (hospital, id)
);
{walls("staff_tray_line", grants="SELECT, INSERT")}
CREATE INDEX staff_tray_line_tray ON staff_tray_line (hospital, tray);

CREATE TABLE catering_event (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    key text NOT NULL,
    code text NOT NULL,
    title text NOT NULL CHECK (btrim(title) <> ''),
    starts_at timestamptz NOT NULL,
    place text NOT NULL CHECK (btrim(place) <> ''),
    heads int NOT NULL CHECK (heads BETWEEN 1 AND 2000),
    wishes text NOT NULL DEFAULT '',
    bill_to text NOT NULL CHECK (btrim(bill_to) <> ''),
    phone text NOT NULL DEFAULT '',
    asked_by uuid NOT NULL REFERENCES app_user,
    asked_at timestamptz NOT NULL DEFAULT now(),
    status text NOT NULL CHECK (status IN ('asked', 'quoted', 'accepted', 'preparing', 'delivered', 'settled', 'declined',
        'cancelled')),
    status_at timestamptz NOT NULL DEFAULT now(),
    service_minor int NOT NULL DEFAULT 0 CHECK (service_minor >= 0),
    total_minor int NOT NULL DEFAULT 0 CHECK (total_minor >= 0),
    quote_rev int NOT NULL DEFAULT 0,
    quote_note text NOT NULL DEFAULT '',
    valid_until date,
    reason text NOT NULL DEFAULT ''
);
{walls("catering_event")}
CREATE UNIQUE INDEX catering_event_key ON catering_event (hospital, key);
CREATE UNIQUE INDEX catering_event_code ON catering_event (hospital, code);
CREATE INDEX catering_event_when ON catering_event (hospital, starts_at);

-- What was offered, once for each quote: an older quote stays as it was.
CREATE TABLE catering_line (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    event uuid NOT NULL,
    quote_rev int NOT NULL,
    dish uuid NOT NULL,
    {_NAMES},
    quantity int NOT NULL CHECK (quantity BETWEEN 1 AND 5000),
    price_minor int NOT NULL CHECK (price_minor >= 0),
    FOREIGN KEY (hospital, event) REFERENCES catering_event (hospital, id),
    FOREIGN KEY (hospital, dish) REFERENCES dish (hospital, id)
);
{walls("catering_line", grants="SELECT, INSERT")}
CREATE INDEX catering_line_event ON catering_line (hospital, event, quote_rev);

ALTER TABLE payment DROP CONSTRAINT payment_purpose_check,
    ADD CONSTRAINT payment_purpose_check CHECK (purpose IN ('order', 'plan', 'event', 'account', 'staff_tray'));
{inventory()}
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
