"""Delivery runs, hand-overs with their proof, and near misses."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import walls

ID = "2026-11-21T08:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Delivery runs, hand-overs with their proof, and near misses."

SQL = f"""
CREATE TABLE delivery_run (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    carrier uuid NOT NULL REFERENCES app_user,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
{walls("delivery_run")}
CREATE UNIQUE INDEX delivery_run_open ON delivery_run (hospital, carrier) WHERE ended_at IS NULL;

CREATE TABLE delivery_stop (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    run uuid NOT NULL,
    meal_order uuid NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    dropped_at timestamptz,
    drop_reason text NOT NULL DEFAULT '',
    FOREIGN KEY (hospital, run) REFERENCES delivery_run (hospital, id),
    FOREIGN KEY (hospital, meal_order) REFERENCES meal_order (hospital, id)
);
{walls("delivery_stop")}
CREATE UNIQUE INDEX delivery_stop_once ON delivery_stop (hospital, meal_order) WHERE dropped_at IS NULL;
CREATE INDEX delivery_stop_run ON delivery_stop (hospital, run);

CREATE TABLE handover (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    meal_order uuid NOT NULL,
    patient uuid NOT NULL,
    bed uuid,
    method text NOT NULL CHECK (method IN ('scan', 'typed', 'staff_area')),
    proof text NOT NULL CHECK (proof IN ('confirmed', 'photo', 'signature')),
    proof_file text,
    handed_by uuid NOT NULL REFERENCES app_user,
    handed_at timestamptz NOT NULL DEFAULT now(),
    undone_at timestamptz,
    FOREIGN KEY (hospital, meal_order) REFERENCES meal_order (hospital, id),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id),
    FOREIGN KEY (hospital, bed) REFERENCES bed (hospital, id)
);
{walls("handover")}
CREATE UNIQUE INDEX tray_once ON handover (hospital, meal_order) WHERE undone_at IS NULL;

CREATE TABLE near_miss (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    meal_order uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('wrong_bed', 'wrong_tray', 'unknown_code', 'wrong_answer')),
    scanned_bed uuid,
    seen_by uuid NOT NULL REFERENCES app_user,
    seen_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (hospital, meal_order) REFERENCES meal_order (hospital, id),
    FOREIGN KEY (hospital, scanned_bed) REFERENCES bed (hospital, id)
);
{walls("near_miss")}
CREATE INDEX near_miss_at ON near_miss (hospital, seen_at);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
