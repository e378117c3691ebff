"""The diet manual, allergies, diet orders, holds, safety checks and the work they make."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import wall, walls

ID = "2026-11-21T05:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "The diet manual, allergies, diet orders, holds, safety checks and the work they make."

SQL = f"""
CREATE TABLE diet (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    code text NOT NULL,
    name_en text NOT NULL, name_fr text NOT NULL, name_rw text NOT NULL,
    kind text NOT NULL,
    item_rules text NOT NULL DEFAULT '',
    note text NOT NULL DEFAULT '',
    source text NOT NULL DEFAULT '',
    standing text NOT NULL DEFAULT '',
    validated_by text NOT NULL DEFAULT ''
);
{walls("diet")}
CREATE UNIQUE INDEX diet_code ON diet (hospital, code);

CREATE TABLE diet_rule (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    diet uuid NOT NULL,
    rule_kind text NOT NULL,
    subject text NOT NULL DEFAULT '',
    scope text NOT NULL,
    min numeric(9, 3), max numeric(9, 3),
    severity text NOT NULL CHECK (severity IN ('hard', 'soft')),
    standing text NOT NULL DEFAULT '',
    source text NOT NULL,
    FOREIGN KEY (hospital, diet) REFERENCES diet (hospital, id)
);
{walls("diet_rule")}

CREATE TABLE manual_revision (
    hospital int PRIMARY KEY REFERENCES hospital,
    rev bigint NOT NULL DEFAULT 1
);
{wall("manual_revision")}
GRANT SELECT, INSERT, UPDATE ON manual_revision TO dus_app;

CREATE TABLE allergy (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    patient uuid NOT NULL,
    code text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('intolerance', 'moderate', 'severe', 'anaphylaxis')),
    note text NOT NULL DEFAULT '',
    recorded_by uuid NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    ended_by uuid,
    end_reason text,
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id)
);
{walls("allergy")}
CREATE UNIQUE INDEX allergy_once ON allergy (hospital, patient, code) WHERE ended_at IS NULL;

CREATE TABLE diet_order (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    patient uuid NOT NULL,
    admission uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('draft', 'active', 'on_hold', 'revoked', 'completed', 'replaced')),
    codes text[] NOT NULL CHECK (cardinality(codes) > 0),
    food_level int CHECK (food_level BETWEEN 3 AND 7),
    drink_level int CHECK (drink_level BETWEEN 0 AND 4),
    limits jsonb NOT NULL DEFAULT '{{}}',
    prevails jsonb NOT NULL DEFAULT '{{}}',
    reason text NOT NULL DEFAULT '',
    start_at timestamptz NOT NULL,
    end_at timestamptz CHECK (end_at > start_at),
    revision int NOT NULL DEFAULT 1,
    replaces uuid,
    drafted_by uuid NOT NULL,
    drafted_at timestamptz NOT NULL DEFAULT now(),
    signed_by uuid,
    signed_at timestamptz,
    is_under_protocol boolean NOT NULL DEFAULT false,
    ended_by uuid,
    ended_at timestamptz,
    CHECK (status = 'draft' OR status = 'revoked' OR (signed_by IS NOT NULL AND signed_at IS NOT NULL)),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id),
    FOREIGN KEY (hospital, admission) REFERENCES admission (hospital, id)
);
{walls("diet_order")}
CREATE INDEX diet_order_patient ON diet_order (hospital, patient, status);

CREATE TABLE npo_hold (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    patient uuid NOT NULL,
    reason text NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz CHECK (end_at > start_at),
    set_by uuid NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now(),
    cancelled_at timestamptz,
    cancelled_by uuid,
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id)
);
{walls("npo_hold")}
CREATE INDEX npo_hold_patient ON npo_hold (hospital, patient);

CREATE TABLE task (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    kind text NOT NULL,
    patient uuid,
    about text NOT NULL DEFAULT '',
    facts jsonb NOT NULL DEFAULT '{{}}',
    opened_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    done_by uuid,
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id)
);
{walls("task")}
CREATE UNIQUE INDEX task_once ON task (hospital, kind, coalesce(patient, id), about) WHERE done_at IS NULL;
CREATE INDEX task_open ON task (hospital, opened_at) WHERE done_at IS NULL;

CREATE TABLE safety_check (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    meal_order uuid NOT NULL,
    patient uuid NOT NULL,
    gate text NOT NULL CHECK (gate IN ('checkout', 'fire', 'plate', 'dispatch', 'handover')),
    answer text NOT NULL CHECK (answer IN ('allow', 'block', 'unknown')),
    reasons jsonb NOT NULL DEFAULT '[]',
    asks jsonb NOT NULL DEFAULT '[]',
    safety_rev bigint NOT NULL,
    menu_rev bigint NOT NULL,
    manual_rev bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id)
);
{walls("safety_check", grants="SELECT, INSERT")}
CREATE INDEX safety_check_order ON safety_check (hospital, meal_order, at);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
