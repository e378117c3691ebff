"""What the last line of safety rests on: overrides, stopped meals, kitchen lines and care flags."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import walls

ID = "2026-11-21T23:30:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "What the last line of safety rests on: overrides, stopped meals, kitchen lines and care flags."

SQL = f"""
-- One dish, on one meal, for one patient, in spite of one rule. Voided by any later change of what is safe.
CREATE TABLE diet_override (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    patient uuid NOT NULL,
    day date NOT NULL,
    period text NOT NULL,
    dish uuid NOT NULL,
    source text NOT NULL CHECK (source NOT IN ('NPO', 'PATIENT', 'DISH', 'CONTRADICTION')),
    rule text NOT NULL,
    subject text NOT NULL,
    scope text NOT NULL,
    reason text NOT NULL CHECK (length(trim(reason)) >= 3),
    given_by uuid NOT NULL,
    given_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seconded_by uuid CHECK (seconded_by <> given_by),
    seconded_at timestamptz,
    safety_rev bigint NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at <= given_at + interval '2 hours'),
    withdrawn_at timestamptz,
    withdrawn_by uuid,
    CHECK ((seconded_by IS NULL) = (seconded_at IS NULL)),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id),
    FOREIGN KEY (hospital, dish) REFERENCES dish (hospital, id)
);
{walls("diet_override")}
CREATE INDEX diet_override_patient ON diet_override (hospital, patient, day, period);

-- "Hold all trays": while a row is open, no tray of the hospital passes any gate.
CREATE TABLE meal_stop (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    reason text NOT NULL CHECK (length(trim(reason)) >= 3),
    set_by uuid NOT NULL,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_by uuid,
    ended_at timestamptz
);
{walls("meal_stop")}
CREATE UNIQUE INDEX meal_stop_once ON meal_stop (hospital) WHERE ended_at IS NULL;

-- Where dishes are cooked. A line that carries over gives the allergens of each of its dishes to all of them.
CREATE TABLE kitchen_line (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    code text NOT NULL CHECK (code ~ '^[a-z0-9_]{{2,24}}$'),
    name_en text NOT NULL, name_fr text NOT NULL, name_rw text NOT NULL,
    carries_over boolean NOT NULL DEFAULT false
);
{walls("kitchen_line")}
CREATE UNIQUE INDEX kitchen_line_code ON kitchen_line (hospital, code);
ALTER TABLE dish ADD COLUMN kitchen_line uuid;
ALTER TABLE dish ADD FOREIGN KEY (hospital, kitchen_line) REFERENCES kitchen_line (hospital, id);

-- What others must know of a patient besides diet and allergy: mealtime insulin, medicines that meet food, isolation.
CREATE TABLE care_flag (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    patient uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN
        ('mealtime_insulin', 'warfarin', 'maoi', 'ace_inhibitor', 'potassium_sparing', 'isolation')),
    note text NOT NULL DEFAULT '',
    set_by uuid NOT NULL,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_by uuid,
    ended_at timestamptz,
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id)
);
{walls("care_flag")}
CREATE UNIQUE INDEX care_flag_once ON care_flag (hospital, patient, kind) WHERE ended_at IS NULL;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
