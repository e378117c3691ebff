"""The finance office: shifts of cash, the bank's lines and what they were used for, the office's own settings."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import inventory, walls

ID = "2026-11-21T23:52:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "The finance office: shifts of cash, the bank's lines, its settings."

_SAFE_PATH = "SET search_path = pg_catalog, public, pg_temp"

SQL = f"""
CREATE TABLE finance_setting (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    variance_limit_minor int NOT NULL DEFAULT 1000 CHECK (variance_limit_minor >= 0),
    payee text NOT NULL DEFAULT '',
    bank_name text NOT NULL DEFAULT '',
    bank_account text NOT NULL DEFAULT '',
    changed_by uuid NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
{walls("finance_setting")}
CREATE UNIQUE INDEX finance_setting_once ON finance_setting (hospital);

-- The cash one person holds, from the first franc to the hand-over. `limit_minor`: above it two people receive.
CREATE TABLE cash_shift (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    collector uuid NOT NULL REFERENCES app_user,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'counted', 'checked', 'closed')),
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    opening_minor int NOT NULL DEFAULT 0 CHECK (opening_minor >= 0),
    opened_by uuid NOT NULL,
    expected_minor int,
    counted_minor int CHECK (counted_minor >= 0),
    pieces jsonb,
    reason text NOT NULL DEFAULT '',
    limit_minor int,
    counted_at timestamptz,
    received_by uuid REFERENCES app_user,
    received_at timestamptz,
    second_by uuid REFERENCES app_user,
    closed_at timestamptz,
    CHECK (state = 'open' OR num_nonnulls(expected_minor, counted_minor, limit_minor, counted_at) = 4),
    CHECK (state IN ('open', 'closed') OR closed_at IS NULL),
    CHECK (counted_minor IS NULL OR counted_minor = expected_minor OR btrim(reason) <> ''),
    CHECK (received_by <> collector AND second_by <> collector AND second_by <> received_by),
    CHECK (state NOT IN ('checked', 'closed') OR (received_by IS NOT NULL AND received_at IS NOT NULL)),
    CHECK (state <> 'closed' OR closed_at IS NOT NULL
           AND (abs(counted_minor - expected_minor) <= limit_minor OR second_by IS NOT NULL))
);
{walls("cash_shift")}
CREATE UNIQUE INDEX cash_shift_open ON cash_shift (hospital, collector) WHERE state = 'open';
CREATE INDEX cash_shift_collector ON cash_shift (hospital, collector, opened_at);
CREATE INDEX cash_shift_opened ON cash_shift (hospital, opened_at);

CREATE FUNCTION dus_shift_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'closed'
       OR (NEW.id, NEW.hospital, NEW.collector, NEW.opened_at, NEW.opening_minor)
          IS DISTINCT FROM (OLD.id, OLD.hospital, OLD.collector, OLD.opened_at, OLD.opening_minor)
       OR OLD.expected_minor IS NOT NULL AND NEW.expected_minor IS DISTINCT FROM OLD.expected_minor THEN
        RAISE EXCEPTION 'a shift that was handed over stays as it is' USING ERRCODE = 'DUS08';
    END IF;
    RETURN NEW;
END $$ {_SAFE_PATH};
CREATE TRIGGER dus_shift_frozen BEFORE UPDATE ON cash_shift FOR EACH ROW EXECUTE FUNCTION dus_shift_frozen();

-- What came in at the bank, as its statement says it. `bank_ref` is the bank's own; the same line never comes in twice.
CREATE TABLE bank_line (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    bank_ref text NOT NULL CHECK (btrim(bank_ref) <> ''),
    booked_on date NOT NULL,
    amount_minor int NOT NULL CHECK (amount_minor > 0),
    sender text NOT NULL DEFAULT '',
    message text NOT NULL DEFAULT '',
    source text NOT NULL DEFAULT '',
    imported_by uuid NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
{walls("bank_line", grants="SELECT, INSERT")}
CREATE UNIQUE INDEX bank_line_ref ON bank_line (hospital, bank_ref);
CREATE INDEX bank_line_day ON bank_line (hospital, booked_on);

-- What a line, or a part of it, was used for: a payment it pays, or (without one) its return to the sender.
CREATE TABLE bank_use (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    line uuid NOT NULL,
    payment uuid,
    amount_minor int NOT NULL CHECK (amount_minor > 0),
    how text NOT NULL CHECK (how IN ('auto', 'hand', 'return')),
    why text NOT NULL DEFAULT '',
    entry uuid NOT NULL,
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    undone_at timestamptz,
    undone_by uuid,
    undone_why text NOT NULL DEFAULT '',
    CHECK ((how = 'return') = (payment IS NULL)),
    CHECK (how <> 'return' OR btrim(why) <> ''),
    CHECK (undone_at IS NULL OR undone_by IS NOT NULL AND btrim(undone_why) <> ''),
    FOREIGN KEY (hospital, line) REFERENCES bank_line (hospital, id),
    FOREIGN KEY (hospital, payment) REFERENCES payment (hospital, id),
    FOREIGN KEY (hospital, entry) REFERENCES entry (hospital, id)
);
{walls("bank_use")}
CREATE INDEX bank_use_line ON bank_use (hospital, line);
CREATE INDEX bank_use_payment ON bank_use (hospital, payment) WHERE payment IS NOT NULL;

-- No line is used twice over, no payment is paid by more than it asks for, and a use is only ever undone.
CREATE FUNCTION dus_bank_use_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.undone_at IS NOT NULL
       OR (NEW.id, NEW.hospital, NEW.line, NEW.payment, NEW.amount_minor, NEW.how, NEW.why, NEW.entry, NEW.made_by, NEW.made_at)
          IS DISTINCT FROM
          (OLD.id, OLD.hospital, OLD.line, OLD.payment, OLD.amount_minor, OLD.how, OLD.why, OLD.entry, OLD.made_by, OLD.made_at)) THEN
        RAISE EXCEPTION 'what a line was used for is undone, never changed' USING ERRCODE = 'DUS08';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.line::text, 52));
    PERFORM FROM payment p WHERE p.hospital = NEW.hospital AND p.id = NEW.payment FOR NO KEY UPDATE;
    IF (SELECT sum(u.amount_minor) FROM bank_use u
        WHERE u.hospital = NEW.hospital AND u.line = NEW.line AND u.undone_at IS NULL)
       > (SELECT l.amount_minor FROM bank_line l WHERE l.hospital = NEW.hospital AND l.id = NEW.line)
       OR NEW.payment IS NOT NULL AND (SELECT sum(u.amount_minor) FROM bank_use u
           WHERE u.hospital = NEW.hospital AND u.payment = NEW.payment AND u.undone_at IS NULL)
       > (SELECT p.amount_minor FROM payment p WHERE p.hospital = NEW.hospital AND p.id = NEW.payment) THEN
        RAISE EXCEPTION 'more is used than came in, or more is paid than is asked' USING ERRCODE = 'DUS08';
    END IF;
    RETURN NULL;
END $$ {_SAFE_PATH};
CREATE TRIGGER dus_bank_use_fits AFTER INSERT OR UPDATE ON bank_use FOR EACH ROW EXECUTE FUNCTION dus_bank_use_fits();

-- A day whose money is explained to the franc.
CREATE TABLE day_close (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    day date NOT NULL,
    closed_by uuid NOT NULL REFERENCES app_user,
    closed_at timestamptz NOT NULL DEFAULT now()
);
{walls("day_close", grants="SELECT, INSERT")}
CREATE UNIQUE INDEX day_close_once ON day_close (hospital, day);
{inventory()}
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
