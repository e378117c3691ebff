"""Who else pays: coupons, sponsors' funds with gifts, grants and claims, and the payer class of an admission."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import inventory, walls

ID = "2026-11-21T23:55:00:000000"
VERSION = "1.38.0"
DESCRIPTION = (
    "Who else pays: coupons, sponsors' funds with gifts, grants and claims, and the payer class of an admission."
)

_PERIODS = "ARRAY['breakfast', 'morning_snack', 'lunch', 'afternoon_snack', 'dinner', 'evening_snack']"
_CLASSES = "('self', 'cbhi', 'rssb', 'private', 'state', 'staff_family', 'indigent')"

SQL = f"""
CREATE TABLE coupon (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    code text NOT NULL CHECK (code ~ '^[A-Z0-9]{{3,16}}$'),
    kind text NOT NULL CHECK (kind IN ('percent', 'amount')),
    value int NOT NULL CHECK (value > 0 AND (kind = 'amount' OR value <= 100)),
    least_minor int NOT NULL DEFAULT 0 CHECK (least_minor >= 0),
    most_minor int CHECK (most_minor > 0),
    uses_left int NOT NULL CHECK (uses_left >= 0),
    per_person int CHECK (per_person > 0),
    audience text NOT NULL DEFAULT 'everyone' CHECK (audience IN ('everyone', 'patients', 'staff')),
    valid_from date NOT NULL,
    valid_to date CHECK (valid_to >= valid_from),
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    stopped_at timestamptz,
    stopped_by uuid
);
{walls("coupon")}
CREATE UNIQUE INDEX coupon_code ON coupon (hospital, code);

-- A coupon is used while the order is being decided, before the order's own row stands: the reference is looked at last.
CREATE TABLE coupon_use (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    coupon uuid NOT NULL,
    meal_order uuid NOT NULL,
    person uuid NOT NULL,
    amount_minor int NOT NULL CHECK (amount_minor > 0),
    used_by uuid NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    given_back_at timestamptz,
    FOREIGN KEY (hospital, coupon) REFERENCES coupon (hospital, id),
    FOREIGN KEY (hospital, meal_order) REFERENCES meal_order (hospital, id) DEFERRABLE INITIALLY DEFERRED
);
{walls("coupon_use")}
CREATE UNIQUE INDEX one_coupon_an_order ON coupon_use (hospital, meal_order) WHERE given_back_at IS NULL;
CREATE INDEX coupon_use_of ON coupon_use (hospital, coupon, person);

CREATE TABLE fund (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    name text NOT NULL CHECK (btrim(name) <> ''),
    donor text NOT NULL DEFAULT '',
    purpose text NOT NULL DEFAULT '',
    most_meal_minor int CHECK (most_meal_minor > 0),
    most_day_minor int CHECK (most_day_minor > 0),
    most_patient_minor int CHECK (most_patient_minor > 0),
    periods text[] NOT NULL DEFAULT '{{}}' CHECK (periods <@ {_PERIODS}),
    wards uuid[] NOT NULL DEFAULT '{{}}',
    serves_from date NOT NULL,
    serves_to date CHECK (serves_to >= serves_from),
    helps_at_once boolean NOT NULL DEFAULT false,
    left_minor bigint NOT NULL DEFAULT 0 CHECK (left_minor >= 0),
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    stopped_at timestamptz,
    stopped_by uuid
);
{walls("fund")}
CREATE UNIQUE INDEX fund_name ON fund (hospital, name) WHERE stopped_at IS NULL;

CREATE TABLE gift (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    fund uuid NOT NULL,
    key text NOT NULL,
    number text NOT NULL,
    amount_minor int NOT NULL CHECK (amount_minor > 0),
    came_by text NOT NULL CHECK (came_by IN ('cash', 'bank', 'mtn', 'airtel')),
    reference text NOT NULL DEFAULT '' CHECK (came_by = 'cash' OR reference <> ''),
    received_on date NOT NULL,
    recorded_by uuid NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    undone_at timestamptz,
    undone_by uuid,
    undone_why text,
    FOREIGN KEY (hospital, fund) REFERENCES fund (hospital, id)
);
{walls("gift")}
CREATE UNIQUE INDEX gift_key ON gift (hospital, key);
CREATE UNIQUE INDEX gift_number ON gift (hospital, number);
CREATE UNIQUE INDEX gift_reference ON gift (hospital, came_by, reference) WHERE reference <> '' AND undone_at IS NULL;

-- A grant says how far one patient is helped: so many meals or francs, until a day or until they go home; by one fund, or
-- by any that helps with the meal.
CREATE TABLE fund_grant (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    fund uuid,
    patient uuid NOT NULL,
    admission uuid NOT NULL,
    key text,
    reason text NOT NULL CHECK (reason IN ('cannot_pay', 'no_caregiver', 'long_stay', 'far_from_home', 'emergency')),
    meals_left int CHECK (meals_left >= 0),
    left_minor int CHECK (left_minor >= 0),
    last_day date,
    granted_by uuid NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    ended_by uuid,
    FOREIGN KEY (hospital, fund) REFERENCES fund (hospital, id),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id),
    FOREIGN KEY (hospital, admission) REFERENCES admission (hospital, id)
);
{walls("fund_grant")}
CREATE INDEX fund_grant_patient ON fund_grant (hospital, patient) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX fund_grant_key ON fund_grant (hospital, key) WHERE key IS NOT NULL AND ended_at IS NULL;

-- What a fund gave for one tray, by a grant or by the rule of a payer class; returned_minor: what came back of it.
CREATE TABLE fund_claim (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    fund uuid NOT NULL,
    fund_grant uuid,
    meal_order uuid NOT NULL,
    patient uuid NOT NULL,
    ward uuid,
    day date NOT NULL,
    period text NOT NULL,
    amount_minor int NOT NULL CHECK (amount_minor > 0),
    returned_minor int NOT NULL DEFAULT 0 CHECK (returned_minor BETWEEN 0 AND amount_minor),
    claimed_at timestamptz NOT NULL DEFAULT now(),
    returned_at timestamptz,
    FOREIGN KEY (hospital, fund) REFERENCES fund (hospital, id),
    FOREIGN KEY (hospital, fund_grant) REFERENCES fund_grant (hospital, id),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id),
    FOREIGN KEY (hospital, meal_order) REFERENCES meal_order (hospital, id) DEFERRABLE INITIALLY DEFERRED
);
{walls("fund_claim")}
CREATE UNIQUE INDEX one_claim_an_order ON fund_claim (hospital, meal_order, fund) WHERE returned_minor < amount_minor;
CREATE INDEX fund_claim_day ON fund_claim (hospital, fund, day);
CREATE INDEX fund_claim_patient ON fund_claim (hospital, fund, patient);

ALTER TABLE admission ADD COLUMN payer_class text NOT NULL DEFAULT 'self' CHECK (payer_class IN {_CLASSES}),
    ADD COLUMN insurer text NOT NULL DEFAULT '',
    ADD COLUMN insurance_no text NOT NULL DEFAULT '';

-- Who pays which part of a meal. A rule is never changed: it ends, and another one begins.
CREATE TABLE payer_rule (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    payer_class text NOT NULL CHECK (payer_class IN {_CLASSES}),
    periods text[] NOT NULL DEFAULT '{{}}' CHECK (periods <@ {_PERIODS}),
    weekdays smallint[] NOT NULL DEFAULT '{{}}' CHECK (weekdays <@ ARRAY[1, 2, 3, 4, 5, 6, 7]::smallint[]),
    patient_percent smallint NOT NULL CHECK (patient_percent BETWEEN 0 AND 100),
    hospital_percent smallint NOT NULL CHECK (hospital_percent BETWEEN 0 AND 100),
    insurer_percent smallint NOT NULL CHECK (insurer_percent BETWEEN 0 AND 100),
    sponsor_percent smallint NOT NULL CHECK (sponsor_percent BETWEEN 0 AND 100),
    fund uuid,
    begins_on date NOT NULL,
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    ended_by uuid,
    CONSTRAINT shares_make_a_whole
        CHECK (patient_percent + hospital_percent + insurer_percent + sponsor_percent = 100),
    CONSTRAINT sponsor_has_a_fund CHECK ((sponsor_percent > 0) = (fund IS NOT NULL)),
    FOREIGN KEY (hospital, fund) REFERENCES fund (hospital, id)
);
{walls("payer_rule")}
CREATE INDEX payer_rule_class ON payer_rule (hospital, payer_class) WHERE ended_at IS NULL;

-- How the patient of a tray was insured when it was ordered; what the insurer owes for it is the tray's payment.
CREATE TABLE insured_tray (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    meal_order uuid NOT NULL,
    payer_class text NOT NULL,
    insurer text NOT NULL,
    insurance_no text NOT NULL,
    FOREIGN KEY (hospital, meal_order) REFERENCES meal_order (hospital, id) DEFERRABLE INITIALLY DEFERRED
);
{walls("insured_tray", grants="SELECT, INSERT")}
CREATE UNIQUE INDEX insured_tray_once ON insured_tray (hospital, meal_order);
{inventory()}
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
