"""Substitutions on a tray, insulin that goes with a meal, and how much of a tray was eaten."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import walls

ID = "2026-11-21T23:35:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Substitutions on a tray, insulin that goes with a meal, and how much of a tray was eaten."

SQL = f"""
-- A line that was substituted stays as history; what is on the tray are the lines without this mark.
ALTER TABLE order_line ADD COLUMN replaced_at timestamptz;
GRANT UPDATE (replaced_at) ON order_line TO dus_app;

-- One substitution. Written before the new line and the mark on the old one, in the same transaction: `txid` says so
-- and cannot be given. `old_token` is the code on the label that this substitution made worthless.
CREATE TABLE order_line_change (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    meal_order uuid NOT NULL,
    old_line uuid NOT NULL,
    new_line uuid NOT NULL CHECK (new_line <> old_line),
    old_token text NOT NULL UNIQUE,
    why text NOT NULL CHECK (why IN ('sold_out', 'spoiled', 'equipment')),
    changed_by uuid NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    FOREIGN KEY (hospital, meal_order) REFERENCES meal_order (hospital, id),
    FOREIGN KEY (hospital, old_line) REFERENCES order_line (hospital, id),
    FOREIGN KEY (hospital, new_line) REFERENCES order_line (hospital, id) DEFERRABLE INITIALLY DEFERRED
);
{walls("order_line_change", grants="SELECT")}
GRANT INSERT (id, hospital, meal_order, old_line, new_line, old_token, why, changed_by, changed_at)
    ON order_line_change TO dus_app;
CREATE UNIQUE INDEX order_line_change_old ON order_line_change (hospital, old_line);
CREATE UNIQUE INDEX order_line_change_new ON order_line_change (hospital, new_line);
CREATE INDEX order_line_change_order ON order_line_change (hospital, meal_order);

-- The meal of somebody who injects insulin with it: when the tray came, when the dose was given, who was told of a
-- tray that did not come. One row a tray; each mark is set once, by compare-and-set.
CREATE TABLE insulin_meal (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    meal_order uuid NOT NULL,
    patient uuid NOT NULL,
    carb_g numeric(9, 4),
    here_at timestamptz,
    given_at timestamptz,
    given_by uuid,
    late_told_at timestamptz,
    escalated_at timestamptz,
    seen_at timestamptz,
    seen_by uuid,
    CHECK ((given_at IS NULL) = (given_by IS NULL)),
    CHECK ((seen_at IS NULL) = (seen_by IS NULL)),
    FOREIGN KEY (hospital, meal_order) REFERENCES meal_order (hospital, id),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id)
);
{walls("insulin_meal")}
CREATE UNIQUE INDEX insulin_meal_once ON insulin_meal (hospital, meal_order);
CREATE INDEX insulin_meal_patient ON insulin_meal (hospital, patient);

-- How much of a tray was eaten, as whoever took it away saw it.
CREATE TABLE tray_intake (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    meal_order uuid NOT NULL,
    eaten text NOT NULL CHECK (eaten IN ('all', 'most', 'half', 'little', 'nothing')),
    said_by uuid NOT NULL,
    said_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (hospital, meal_order) REFERENCES meal_order (hospital, id)
);
{walls("tray_intake")}
CREATE UNIQUE INDEX tray_intake_once ON tray_intake (hospital, meal_order);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
