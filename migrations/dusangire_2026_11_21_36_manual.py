"""The diet manual in signed versions, what medicines and food do to each other, and feeds by bottle and tube."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import walls

ID = "2026-11-21T23:36:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "The diet manual in signed versions, what medicines and food do to each other, feeds by bottle and tube."


def _only_by_version(table: str) -> str:
    """The rules in force change only in a transaction that also writes the version they make."""
    return f"""
        CREATE CONSTRAINT TRIGGER {table}_by_version AFTER INSERT OR UPDATE OR DELETE ON {table}
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dus_manual_by_version();
    """


SQL = f"""
-- Every version of the manual that ever judged a tray, as it was signed. Written once.
CREATE TABLE manual_version (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    rev bigint NOT NULL,
    content jsonb NOT NULL,
    note text NOT NULL DEFAULT '',
    changed text[] NOT NULL DEFAULT '{{}}',
    drafted_by uuid,
    signed_by uuid,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    txid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
{walls("manual_version", grants="SELECT, INSERT")}
CREATE UNIQUE INDEX manual_version_rev ON manual_version (hospital, rev);

-- The one draft of the next version. It changes nothing until it is signed.
CREATE TABLE manual_draft (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    status text NOT NULL CHECK (status IN ('open', 'signed', 'dropped')),
    base_rev bigint NOT NULL,
    from_rev bigint NOT NULL,
    content jsonb NOT NULL,
    note text NOT NULL DEFAULT '',
    revision int NOT NULL DEFAULT 1,
    drafted_by uuid NOT NULL,
    drafted_at timestamptz NOT NULL DEFAULT now(),
    authors uuid[] NOT NULL DEFAULT '{{}}',
    changed_at timestamptz NOT NULL DEFAULT now()
);
{walls("manual_draft")}
CREATE UNIQUE INDEX manual_draft_once ON manual_draft (hospital) WHERE status = 'open';

-- What a medicine and a food do to each other: a note or a question to the nutritionist, never a stop.
CREATE TABLE food_drug_note (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    flag text NOT NULL,
    subject_kind text NOT NULL CHECK (subject_kind IN ('tag', 'food', 'nutrient')),
    subject text NOT NULL,
    threshold numeric(9, 3) CHECK (threshold > 0),
    kind text NOT NULL CHECK (kind IN ('advice', 'ask')),
    text_key text NOT NULL,
    source text NOT NULL,
    CHECK ((subject_kind = 'nutrient') = (threshold IS NOT NULL))
);
{walls("food_drug_note", grants="SELECT, INSERT, UPDATE, DELETE")}

GRANT DELETE ON diet_rule TO dus_app;

CREATE FUNCTION dus_manual_by_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE h int := coalesce(NEW.hospital, OLD.hospital);
BEGIN
    IF NOT EXISTS (SELECT FROM manual_version v JOIN manual_revision r ON r.hospital = v.hospital AND r.rev = v.rev
                   WHERE v.hospital = h AND v.txid = pg_current_xact_id()) THEN
        RAISE EXCEPTION 'the diet manual changes only with a version of its own' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$ SET search_path = pg_catalog, public, pg_temp;
{_only_by_version("diet")}
{_only_by_version("diet_rule")}
{_only_by_version("food_drug_note")}

-- What can be fed by bottle, sachet or tube. The values are per unit; unit_ml is 0 for what is not a liquid.
CREATE TABLE feed_product (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    code text NOT NULL CHECK (code ~ '^[A-Z0-9-]{{2,20}}$'),
    name_en text NOT NULL, name_fr text NOT NULL, name_rw text NOT NULL,
    unit text NOT NULL,
    unit_ml numeric(9, 3) NOT NULL CHECK (unit_ml >= 0),
    unit_kcal numeric(9, 3) NOT NULL CHECK (unit_kcal > 0),
    unit_protein_g numeric(9, 3) NOT NULL CHECK (unit_protein_g >= 0),
    allergens text[] NOT NULL DEFAULT '{{}}',
    by_mouth boolean NOT NULL,
    by_tube boolean NOT NULL,
    dish_code text NOT NULL DEFAULT '',
    source text NOT NULL,
    validated_by text NOT NULL DEFAULT '',
    written_by uuid,
    is_offered boolean NOT NULL DEFAULT true,
    revision int NOT NULL DEFAULT 1,
    CHECK (by_mouth OR by_tube),
    CHECK (NOT by_tube OR unit_ml > 0)
);
{walls("feed_product")}
CREATE UNIQUE INDEX feed_product_code ON feed_product (hospital, code);

-- A feed as it was signed. Its product's values are copied, so that a later correction does not rewrite the past.
CREATE TABLE feed_order (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    patient uuid NOT NULL,
    admission uuid NOT NULL,
    product uuid NOT NULL,
    unit_ml numeric(9, 3) NOT NULL,
    unit_kcal numeric(9, 3) NOT NULL,
    unit_protein_g numeric(9, 3) NOT NULL,
    dish_code text NOT NULL DEFAULT '',
    route text NOT NULL CHECK (route IN ('oral', 'tube')),
    pace text NOT NULL CHECK (pace IN ('continuous', 'bolus')),
    total_ml numeric(9, 3) CHECK (total_ml > 0),
    hours int CHECK (hours BETWEEN 1 AND 24),
    rate_ml_h numeric(9, 3) CHECK (rate_ml_h > 0),
    amount numeric(9, 3) CHECK (amount > 0),
    times time[] NOT NULL DEFAULT '{{}}',
    continues_in_npo boolean NOT NULL DEFAULT false,
    reason text NOT NULL DEFAULT '',
    start_at timestamptz NOT NULL,
    end_at timestamptz CHECK (end_at > start_at),
    signed_by uuid NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    confirmed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    stopped_by uuid,
    stopped_at timestamptz,
    stop_reason text NOT NULL DEFAULT '',
    CHECK (CASE pace WHEN 'continuous' THEN route = 'tube' AND total_ml IS NOT NULL AND hours IS NOT NULL
           AND rate_ml_h IS NOT NULL ELSE amount IS NOT NULL AND cardinality(times) > 0 END),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id),
    FOREIGN KEY (hospital, admission) REFERENCES admission (hospital, id),
    FOREIGN KEY (hospital, product) REFERENCES feed_product (hospital, id)
);
{walls("feed_order")}
CREATE INDEX feed_order_patient ON feed_order (hospital, patient) WHERE stopped_at IS NULL;

-- What really went in, and when a feed was stopped. Written once; a mistake is corrected by a second row.
CREATE TABLE feed_given (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    patient uuid NOT NULL,
    feed_order uuid NOT NULL,
    what text NOT NULL CHECK (what IN ('given', 'stopped', 'correction')),
    amount numeric(9, 3) NOT NULL,
    at timestamptz NOT NULL,
    note text NOT NULL DEFAULT '',
    recorded_by uuid NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (what = 'correction' OR amount >= 0),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id),
    FOREIGN KEY (hospital, feed_order) REFERENCES feed_order (hospital, id)
);
{walls("feed_given", grants="SELECT, INSERT")}
CREATE INDEX feed_given_order ON feed_given (hospital, feed_order, at);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
