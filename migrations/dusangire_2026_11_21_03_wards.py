"""Wards, beds, patients, their safety row, admissions and stays."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import wall, walls

ID = "2026-11-21T03:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Wards, beds, patients, their safety row, admissions and stays."

SQL = f"""
CREATE TABLE ward (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    code text NOT NULL CHECK (code ~ '^[A-Z0-9]{{1,6}}$'),
    name_en text NOT NULL,
    name_fr text NOT NULL,
    name_rw text NOT NULL,
    kind text NOT NULL DEFAULT 'general',
    phone text NOT NULL DEFAULT '',
    walk_order int NOT NULL DEFAULT 100,
    is_isolation boolean NOT NULL DEFAULT false,
    is_emergency boolean NOT NULL DEFAULT false,
    closed_at timestamptz
);
{walls("ward")}
CREATE UNIQUE INDEX ward_code ON ward (hospital, code) WHERE closed_at IS NULL;

CREATE TABLE bed (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    ward uuid NOT NULL,
    code text NOT NULL CHECK (code ~ '^[A-Z0-9]{{1,6}}-[0-9]{{3}}$'),
    room text NOT NULL DEFAULT '',
    card_token text NOT NULL UNIQUE,
    removed_at timestamptz,
    FOREIGN KEY (hospital, ward) REFERENCES ward (hospital, id)
);
{walls("bed")}
CREATE UNIQUE INDEX bed_code ON bed (hospital, code) WHERE removed_at IS NULL;
CREATE INDEX bed_ward ON bed (hospital, ward);
-- The card on a bed is scanned before anybody is signed in: the token leads to the hospital, and to nothing else.
CREATE POLICY door ON bed FOR SELECT TO dus_door USING (true);
GRANT SELECT (hospital, id, code, card_token, removed_at) ON bed TO dus_door;

CREATE TABLE patient (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    mrn text NOT NULL,
    given_name text NOT NULL,
    family_name text NOT NULL,
    birth_date date NOT NULL,
    sex text NOT NULL CHECK (sex IN ('female', 'male', 'other')),
    phone text,
    app_user uuid REFERENCES app_user,
    created_at timestamptz NOT NULL DEFAULT now()
);
{walls("patient")}
CREATE UNIQUE INDEX patient_mrn ON patient (hospital, mrn);
CREATE INDEX patient_user ON patient (app_user);
ALTER TABLE membership ADD FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id);

-- The one row that everything about a patient's safety locks first, and the revision that every verdict names.
CREATE TABLE patient_safety (
    hospital int NOT NULL,
    patient uuid NOT NULL,
    safety_rev bigint NOT NULL DEFAULT 1,
    constraint_count int NOT NULL DEFAULT 0,
    allergy_status text NOT NULL DEFAULT 'not_asked' CHECK (allergy_status IN ('not_asked', 'none_known', 'recorded')),
    allergies_asked_at timestamptz,
    allergies_asked_by uuid,
    uncoded_text text,
    PRIMARY KEY (hospital, patient),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id)
);
{wall("patient_safety")}
GRANT SELECT, INSERT, UPDATE ON patient_safety TO dus_app;

CREATE TABLE admission (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    patient uuid NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    end_reason text CHECK (end_reason IN ('discharged', 'died', 'transferred_out')),
    pin_hash text,
    account_ceiling_minor int NOT NULL DEFAULT 60000,
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id)
);
{walls("admission")}
CREATE UNIQUE INDEX admission_once ON admission (hospital, patient) WHERE ended_at IS NULL;

CREATE TABLE stay (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    admission uuid NOT NULL,
    patient uuid NOT NULL,
    bed uuid NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz CHECK (ended_at >= started_at),
    FOREIGN KEY (hospital, admission) REFERENCES admission (hospital, id),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id),
    FOREIGN KEY (hospital, bed) REFERENCES bed (hospital, id),
    CONSTRAINT one_patient_per_bed_ever EXCLUDE USING gist
        (hospital WITH =, bed WITH =, tstzrange(started_at, ended_at) WITH &&)
);
{walls("stay")}
CREATE UNIQUE INDEX one_patient_per_bed ON stay (hospital, bed) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX one_bed_per_patient ON stay (hospital, patient) WHERE ended_at IS NULL;
CREATE INDEX stay_admission ON stay (hospital, admission);

CREATE TABLE measurement (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    patient uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('weight_kg', 'height_cm')),
    value numeric(7, 2) NOT NULL CHECK (value > 0),
    taken_at timestamptz NOT NULL DEFAULT now(),
    taken_by uuid NOT NULL REFERENCES app_user,
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id)
);
{walls("measurement")}
CREATE INDEX measurement_latest ON measurement (hospital, patient, kind, taken_at DESC);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
