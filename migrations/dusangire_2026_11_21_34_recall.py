"""Trays the program orders itself, how long a plated tray may wait, and the times of a recall on its way."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script

ID = "2026-11-21T23:34:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Trays the program orders itself, how long a plated tray may wait, and the times of a recall on its way."

SQL = """
-- What the program ordered by itself: in one word why, once for each key, and which stopped tray it is there for.
ALTER TABLE meal_order ADD COLUMN automatic text NOT NULL DEFAULT '';
ALTER TABLE meal_order ADD COLUMN automatic_key text;
ALTER TABLE meal_order ADD COLUMN replaces uuid;
ALTER TABLE meal_order ADD FOREIGN KEY (hospital, replaces) REFERENCES meal_order (hospital, id);
ALTER TABLE meal_order ADD CHECK (replaces <> id);
CREATE UNIQUE INDEX meal_order_automatic ON meal_order (hospital, automatic_key) WHERE automatic_key IS NOT NULL;
CREATE UNIQUE INDEX meal_order_replaced_once ON meal_order (hospital, replaces)
    WHERE replaces IS NOT NULL AND status NOT IN ('cancelled', 'refused', 'expired');

-- From plate to hand-over; an older tray is made anew.
ALTER TABLE hospital ADD COLUMN tray_minutes int NOT NULL DEFAULT 90 CHECK (tray_minutes BETWEEN 10 AND 240);

-- A tray stopped on its way: when, when its carrier saw it, and dropped_at when it was back.
ALTER TABLE delivery_stop ADD COLUMN recalled_at timestamptz;
ALTER TABLE delivery_stop ADD COLUMN recall_seen_at timestamptz;
ALTER TABLE delivery_stop ADD CHECK (recall_seen_at IS NULL OR recalled_at IS NOT NULL);
CREATE INDEX delivery_stop_recalled ON delivery_stop (hospital, recalled_at) WHERE recalled_at IS NOT NULL;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
