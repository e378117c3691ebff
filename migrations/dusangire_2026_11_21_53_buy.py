"""Buying a tray: where it is brought for what charge, the tax inside its price, and the numbers people pay from."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import inventory, walls

ID = "2026-11-21T23:53:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Delivery zones, the tax inside a tray's price, and saved telephone numbers."

SQL = f"""
-- A zone without a place is one that trays are not brought to.
CREATE TABLE delivery_zone (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('inside', 'outside')),
    place text CHECK (place IN ('bed', 'staff_area', 'campus')),
    charge_minor int NOT NULL CHECK (charge_minor >= 0)
);
{walls("delivery_zone")}
CREATE UNIQUE INDEX delivery_zone_code ON delivery_zone (hospital, code);
CREATE UNIQUE INDEX delivery_zone_place ON delivery_zone (hospital, place) WHERE place IS NOT NULL;

ALTER TABLE meal_order DROP CONSTRAINT meal_order_place_check,
    ADD CONSTRAINT meal_order_place_check CHECK (place IN ('bed', 'staff_area', 'campus')),
    ADD COLUMN vat_minor int NOT NULL DEFAULT 0,
    ADD CONSTRAINT meal_order_vat_check CHECK (vat_minor BETWEEN 0 AND total_minor);
CREATE INDEX meal_order_unpaid ON meal_order (hospital, cutoff_at) WHERE status IN ('awaiting_payment', 'held');

CREATE FUNCTION dus_order_vat_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was ordered cannot be changed' USING ERRCODE = 'DUS04';
END $$ SET search_path = pg_catalog, public, pg_temp;
CREATE TRIGGER dus_order_vat_frozen BEFORE UPDATE ON meal_order FOR EACH ROW WHEN (NEW.vat_minor <> OLD.vat_minor)
    EXECUTE FUNCTION dus_order_vat_frozen();

CREATE TABLE saved_phone (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    app_user uuid NOT NULL REFERENCES app_user,
    phone text NOT NULL,
    method text NOT NULL CHECK (method IN ('mtn', 'airtel')),
    used_at timestamptz NOT NULL DEFAULT now()
);
{walls("saved_phone", grants="SELECT, INSERT, UPDATE, DELETE")}
CREATE UNIQUE INDEX saved_phone_once ON saved_phone (hospital, app_user, phone);
{inventory()}
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
