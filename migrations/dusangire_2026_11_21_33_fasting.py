"""When an operation is planned, whether a fast was prolonged, and diets that advance step by step."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import walls

ID = "2026-11-21T23:33:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "When an operation is planned, whether a fast was prolonged, and diets that advance step by step."

SQL = f"""
ALTER TABLE npo_hold ADD COLUMN procedure_at timestamptz;
ALTER TABLE npo_hold ADD COLUMN extended_at timestamptz;
ALTER TABLE npo_hold ADD COLUMN extended_by uuid;

-- A signed way from liquids to regular food: nurses go along it, one step at a time.
CREATE TABLE advancement_protocol (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    patient uuid NOT NULL,
    admission uuid NOT NULL,
    reason text NOT NULL DEFAULT '',
    signed_by uuid NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    ended_by uuid,
    end_reason text CHECK (end_reason IN ('stopped', 'replaced', 'discharged')),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id),
    FOREIGN KEY (hospital, admission) REFERENCES admission (hospital, id)
);
{walls("advancement_protocol")}
CREATE UNIQUE INDEX advancement_protocol_once ON advancement_protocol (hospital, patient) WHERE ended_at IS NULL;

CREATE TABLE advancement_step (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    protocol uuid NOT NULL,
    position int NOT NULL CHECK (position BETWEEN 1 AND 6),
    code text NOT NULL,
    drink_level int CHECK (drink_level BETWEEN 0 AND 4),
    least_hours int NOT NULL CHECK (least_hours BETWEEN 0 AND 168),
    FOREIGN KEY (hospital, protocol) REFERENCES advancement_protocol (hospital, id)
);
{walls("advancement_step", grants="SELECT, INSERT")}
CREATE UNIQUE INDEX advancement_step_position ON advancement_step (hospital, protocol, position);

-- Every step taken, on or back: the diet order it signed, by whom and when. Never changed.
CREATE TABLE advancement_move (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    protocol uuid NOT NULL,
    position int NOT NULL,
    diet_order uuid NOT NULL,
    moved_by uuid NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (hospital, protocol) REFERENCES advancement_protocol (hospital, id),
    FOREIGN KEY (hospital, diet_order) REFERENCES diet_order (hospital, id)
);
{walls("advancement_move", grants="SELECT, INSERT")}
CREATE INDEX advancement_move_protocol ON advancement_move (hospital, protocol, moved_at);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
