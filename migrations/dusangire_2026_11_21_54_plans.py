"""Plans that are paid ahead: their terms, subscriptions and their periods, meals had from them, and points."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import inventory, wall, walls

ID = "2026-11-21T23:54:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Plans that are paid ahead, subscriptions and their periods, meals had from them, and points."

SQL = f"""
-- One row a version. What was sold stays as it was sold: a new price is a new row.
CREATE TABLE plan (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    code text NOT NULL CHECK (code ~ '^[A-Z0-9-]{{2,20}}$'),
    rev int NOT NULL CHECK (rev > 0),
    name_en text NOT NULL CHECK (btrim(name_en) <> ''),
    name_fr text NOT NULL CHECK (btrim(name_fr) <> ''),
    name_rw text NOT NULL CHECK (btrim(name_rw) <> ''),
    note text NOT NULL DEFAULT '',
    for_role text NOT NULL CHECK (for_role IN ('patient', 'staff')),
    span text NOT NULL CHECK (span IN ('week', 'month')),
    period_days int NOT NULL CHECK (period_days > 0),
    meals int CHECK (meals > 0),
    letters text[] NOT NULL CHECK (cardinality(letters) > 0 AND letters <@ ARRAY['B', 'L', 'D', 'S']),
    each_meal int CHECK (each_meal > 0),
    daily_cap int NOT NULL CHECK (daily_cap > 0),
    regular_minor int NOT NULL,
    discount_percent int NOT NULL CHECK (discount_percent BETWEEN 0 AND 90),
    price_minor int NOT NULL CHECK (price_minor > 0 AND price_minor <= regular_minor),
    needs_diet text[] NOT NULL DEFAULT '{{}}',
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    replaced_at timestamptz,
    is_offered boolean NOT NULL DEFAULT true,
    UNIQUE (hospital, code, rev)
);
{walls("plan", grants="SELECT, INSERT")}
GRANT UPDATE (replaced_at, is_offered) ON plan TO dus_app;
CREATE UNIQUE INDEX plan_current ON plan (hospital, code) WHERE replaced_at IS NULL;

CREATE TABLE subscription (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    plan uuid NOT NULL,
    plan_code text NOT NULL,
    patient uuid,
    app_user uuid REFERENCES app_user,
    owner uuid NOT NULL GENERATED ALWAYS AS (coalesce(patient, app_user)) STORED,
    state text NOT NULL CHECK (state IN ('awaiting', 'running', 'paused', 'changing', 'ending', 'overdue', 'lapsed',
        'ended')),
    method text NOT NULL,
    phone text,
    payer_user uuid NOT NULL REFERENCES app_user,
    paused_on date CHECK ((state = 'paused') = (paused_on IS NOT NULL)),
    made_at timestamptz NOT NULL DEFAULT now(),
    state_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((patient IS NULL) <> (app_user IS NULL)),
    FOREIGN KEY (hospital, plan) REFERENCES plan (hospital, id),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id)
);
{walls("subscription")}
CREATE UNIQUE INDEX subscription_once ON subscription (hospital, owner, plan_code) WHERE state NOT IN ('lapsed', 'ended');
CREATE INDEX subscription_owner ON subscription (hospital, owner);
CREATE INDEX subscription_open ON subscription (hospital, state) WHERE state NOT IN ('lapsed', 'ended');

-- One period of a subscription. The number makes a renewal happen once; the exclusion keeps periods from overlapping.
CREATE TABLE plan_term (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    subscription uuid NOT NULL,
    number int NOT NULL CHECK (number > 0),
    plan uuid NOT NULL,
    price_minor int NOT NULL CHECK (price_minor > 0),
    credit_minor int NOT NULL DEFAULT 0,
    period_days int NOT NULL CHECK (period_days > 0),
    meals int,
    used int NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'running', 'over', 'dropped')),
    due_on date NOT NULL,
    asked_on date,
    told_on date,
    starts_on date,
    ends_on date,
    recognised_minor int NOT NULL DEFAULT 0,
    returned_minor int NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL DEFAULT now(),
    CHECK (used >= 0 AND (meals IS NULL OR used <= meals)),
    CHECK (credit_minor BETWEEN 0 AND price_minor),
    CHECK (recognised_minor >= 0 AND returned_minor >= 0 AND recognised_minor + returned_minor <= price_minor),
    CHECK ((starts_on IS NULL) = (state IN ('due', 'dropped')) AND (starts_on IS NULL) = (ends_on IS NULL)),
    CHECK (ends_on >= starts_on),
    FOREIGN KEY (hospital, subscription) REFERENCES subscription (hospital, id),
    FOREIGN KEY (hospital, plan) REFERENCES plan (hospital, id),
    CONSTRAINT one_term_at_a_time EXCLUDE USING gist
        (hospital WITH =, subscription WITH =, daterange(starts_on, ends_on) WITH &&) WHERE (starts_on IS NOT NULL)
);
{walls("plan_term")}
CREATE UNIQUE INDEX plan_term_once ON plan_term (hospital, subscription, number);
CREATE INDEX plan_term_live ON plan_term (hospital, state) WHERE state IN ('due', 'running');

CREATE TABLE plan_use (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    term uuid NOT NULL,
    tray uuid NOT NULL,
    day date NOT NULL,
    letter text NOT NULL CHECK (letter IN ('B', 'L', 'D', 'S')),
    worth_minor int NOT NULL CHECK (worth_minor >= 0),
    total_minor int NOT NULL,
    used_by uuid NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    returned_at timestamptz,
    FOREIGN KEY (hospital, term) REFERENCES plan_term (hospital, id)
);
{walls("plan_use", grants="SELECT, INSERT")}
GRANT UPDATE (returned_at) ON plan_use TO dus_app;
CREATE UNIQUE INDEX plan_use_once ON plan_use (hospital, tray) WHERE returned_at IS NULL;
CREATE INDEX plan_use_term ON plan_use (hospital, term, day);

CREATE TABLE loyalty_rule (
    hospital int PRIMARY KEY REFERENCES hospital,
    francs_per_point int NOT NULL CHECK (francs_per_point > 0),
    bonus_points int NOT NULL CHECK (bonus_points > 0),
    bonus_minor int NOT NULL CHECK (bonus_minor > 0 AND bonus_minor % bonus_points = 0),
    months int NOT NULL CHECK (months BETWEEN 1 AND 60),
    is_on boolean NOT NULL DEFAULT true,
    changed_by uuid NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
{wall("loyalty_rule")}
GRANT SELECT, INSERT, UPDATE ON loyalty_rule TO dus_app;

CREATE TABLE loyalty_card (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    owner uuid NOT NULL,
    balance int NOT NULL DEFAULT 0 CHECK (balance >= 0)
);
{walls("loyalty_card")}
CREATE UNIQUE INDEX loyalty_card_one ON loyalty_card (hospital, owner);

CREATE TABLE point_lot (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    owner uuid NOT NULL,
    tray uuid NOT NULL,
    points int NOT NULL CHECK (points > 0),
    left_points int NOT NULL CHECK (left_points BETWEEN 0 AND points),
    point_minor int NOT NULL CHECK (point_minor > 0),
    earned_at timestamptz NOT NULL DEFAULT now(),
    expires_on date NOT NULL
);
{walls("point_lot", grants="SELECT, INSERT")}
GRANT UPDATE (left_points) ON point_lot TO dus_app;
CREATE UNIQUE INDEX point_lot_once ON point_lot (hospital, tray);
CREATE INDEX point_lot_left ON point_lot (hospital, owner, expires_on) WHERE left_points > 0;
CREATE INDEX point_lot_expiry ON point_lot (hospital, expires_on) WHERE left_points > 0;

CREATE TABLE point_move (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    owner uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('earned', 'spent', 'expired', 'returned')),
    points int NOT NULL CHECK (points <> 0 AND (points > 0) = (kind IN ('earned', 'returned'))),
    about uuid NOT NULL,
    takes jsonb NOT NULL DEFAULT '[]',
    at timestamptz NOT NULL DEFAULT now()
);
{walls("point_move", grants="SELECT, INSERT")}
CREATE UNIQUE INDEX point_move_once ON point_move (hospital, kind, about);
CREATE INDEX point_move_owner ON point_move (hospital, owner, at DESC);
{inventory()}
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
