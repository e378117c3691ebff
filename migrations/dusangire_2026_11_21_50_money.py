"""Money: the ledger in double entry, payments of every method as intents, refunds, and a tray that waits for its payment."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import inventory, walls

ID = "2026-11-21T23:50:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Money: the ledger, payments of every method, refunds, and a tray that waits for its payment."

_ACCOUNTS = {
    "asset": "cash_float cash_safe mtn_clearing airtel_clearing bank order_due plan_due event_due admission_receivable "
    "insurer_receivable",
    "liability": "bank_unmatched deferred_plans loyalty_points quarantine refunds_payable sponsor_fund vat_payable",
    "income": "delivery discounts events meals",
    "expense": "cash_variance compensation hospital_meals loyalty_cost write_off",
}
_CHART = ", ".join(f"('{code}', '{kind}')" for kind, codes in _ACCOUNTS.items() for code in codes.split())
_DEAD = "'cancelled', 'failed', 'expired', 'late', 'quarantined'"
_SAFE_PATH = "SET search_path = pg_catalog, public, pg_temp"

SQL = f"""
-- The chart of accounts is the same in every hospital; whose part of an account it is says `party`.
CREATE TABLE ledger_account (
    code text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('asset', 'liability', 'income', 'expense'))
);
INSERT INTO ledger_account VALUES {_CHART};
GRANT SELECT ON ledger_account TO dus_app;

CREATE TABLE entry (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    about text NOT NULL,
    reason text NOT NULL DEFAULT '',
    reverses uuid,
    posted_by uuid NOT NULL,
    posted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    txid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
{walls("entry", grants="SELECT, INSERT")}
ALTER TABLE entry ADD FOREIGN KEY (hospital, reverses) REFERENCES entry (hospital, id);
CREATE UNIQUE INDEX entry_key ON entry (hospital, key);
CREATE UNIQUE INDEX entry_reversed_once ON entry (hospital, reverses) WHERE reverses IS NOT NULL;
CREATE INDEX entry_about ON entry (hospital, about);
CREATE INDEX entry_posted ON entry (hospital, posted_at);

-- Debits are positive, credits negative.
CREATE TABLE posting (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hospital int NOT NULL,
    entry uuid NOT NULL,
    account text NOT NULL REFERENCES ledger_account,
    party uuid,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    FOREIGN KEY (hospital, entry) REFERENCES entry (hospital, id)
);
{walls("posting", grants="SELECT, INSERT")}
CREATE INDEX posting_entry ON posting (hospital, entry);
CREATE INDEX posting_account ON posting (hospital, account, party) INCLUDE (amount_minor);

-- Who says that an entry was made also says what was posted; looked at once an entry, when its transaction is over.
CREATE FUNCTION dus_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found record;
BEGIN
    SELECT count(*) AS n, sum(p.amount_minor) AS total INTO found
    FROM posting p WHERE p.hospital = NEW.hospital AND p.entry = NEW.id;
    IF found.n < 2 OR found.total <> 0 THEN
        RAISE EXCEPTION 'entry % has % postings that sum to %', NEW.id, found.n, found.total USING ERRCODE = 'DUS07';
    END IF;
    RETURN NULL;
END $$ {_SAFE_PATH};
CREATE CONSTRAINT TRIGGER dus_entry_balances AFTER INSERT ON entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dus_entry_balances();

-- What one statement posts to an entry sums to nothing there and then, so that no order of checks lets a half of it
-- through. An entry is complete when its transaction is over: nothing is added to it later.
CREATE FUNCTION dus_entry_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM posted p GROUP BY p.hospital, p.entry
        HAVING sum(p.amount_minor) <> 0
            OR NOT EXISTS (SELECT FROM entry e WHERE e.hospital = p.hospital AND e.id = p.entry
                           AND e.txid = pg_current_xact_id())) THEN
        RAISE EXCEPTION 'postings balance at once, and an entry is complete once its transaction is over'
            USING ERRCODE = 'DUS07';
    END IF;
    RETURN NULL;
END $$ {_SAFE_PATH};
CREATE TRIGGER dus_entry_closed AFTER INSERT ON posting REFERENCING NEW TABLE AS posted
    FOR EACH STATEMENT EXECUTE FUNCTION dus_entry_closed();

-- A payment is an intent: what is to be paid, by whom and how, and what became of it.
ALTER TABLE payment ALTER COLUMN meal_order DROP NOT NULL,
    ADD COLUMN purpose text NOT NULL DEFAULT 'order' CHECK (purpose IN ('order', 'plan', 'event', 'account')),
    ADD COLUMN subject uuid,
    ADD COLUMN share smallint NOT NULL DEFAULT 1 CHECK (share > 0),
    ADD COLUMN payer text NOT NULL DEFAULT 'patient'
        CHECK (payer IN ('patient', 'sponsor', 'hospital', 'insurer', 'staff', 'client')),
    ADD COLUMN payer_user uuid,
    ADD COLUMN currency text NOT NULL DEFAULT 'RWF',
    ADD COLUMN reference uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN code text,
    ADD COLUMN phone text,
    ADD COLUMN base_url text,
    ADD COLUMN provider_ref text,
    ADD COLUMN source uuid,
    ADD COLUMN reason text,
    ADD COLUMN said text NOT NULL DEFAULT '',
    ADD COLUMN sent_at timestamptz,
    ADD COLUMN polls int NOT NULL DEFAULT 0,
    ADD COLUMN next_poll_at timestamptz,
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN refunded_minor int NOT NULL DEFAULT 0,
    DROP CONSTRAINT payment_method_check,
    ADD CONSTRAINT payment_method_check CHECK (method IN ('cash', 'hospital_account', 'mtn', 'airtel', 'bank',
        'subscription', 'points', 'fund', 'insurer', 'hospital')),
    DROP CONSTRAINT payment_state_check,
    ADD CONSTRAINT payment_state_check CHECK (state IN ('created', 'pending', 'unknown', 'paid', 'charged', {_DEAD})),
    ADD CONSTRAINT payment_refunded_check CHECK (refunded_minor BETWEEN 0 AND amount_minor);
UPDATE payment SET subject = meal_order;
ALTER TABLE payment ALTER COLUMN subject SET NOT NULL,
    ADD CONSTRAINT payment_of_order CHECK ((purpose = 'order') = (meal_order IS NOT NULL)),
    ADD CONSTRAINT payment_subject CHECK (meal_order IS NULL OR subject = meal_order);
DROP INDEX one_live_charge;
CREATE UNIQUE INDEX one_live_charge ON payment (hospital, subject, share) WHERE state NOT IN ({_DEAD});
CREATE UNIQUE INDEX payment_reference ON payment (reference);
CREATE UNIQUE INDEX payment_code ON payment (hospital, code) WHERE code IS NOT NULL;
CREATE INDEX payment_asked ON payment (hospital, next_poll_at) WHERE next_poll_at IS NOT NULL;
CREATE INDEX payment_created ON payment (hospital, created_at);
-- A provider's notice names our reference; the hospital follows from it.
CREATE POLICY door ON payment FOR SELECT TO dus_door USING (true);
GRANT SELECT (id, hospital, reference) ON payment TO dus_door;

CREATE FUNCTION dus_payment_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.hospital, NEW.purpose, NEW.subject, NEW.meal_order, NEW.share, NEW.payer, NEW.method, NEW.amount_minor,
        NEW.currency, NEW.reference, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.hospital, OLD.purpose, OLD.subject, OLD.meal_order, OLD.share, OLD.payer, OLD.method, OLD.amount_minor,
        OLD.currency, OLD.reference, OLD.created_at)
       OR OLD.base_url IS NOT NULL AND NEW.base_url IS DISTINCT FROM OLD.base_url
       OR OLD.provider_ref IS NOT NULL AND NEW.provider_ref IS DISTINCT FROM OLD.provider_ref THEN
        RAISE EXCEPTION 'a payment keeps what it was made for' USING ERRCODE = 'DUS08';
    END IF;
    RETURN NEW;
END $$ {_SAFE_PATH};
CREATE TRIGGER dus_payment_frozen BEFORE UPDATE ON payment FOR EACH ROW EXECUTE FUNCTION dus_payment_frozen();

CREATE TABLE refund (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    payment uuid NOT NULL,
    amount_minor int NOT NULL CHECK (amount_minor > 0),
    kind text NOT NULL CHECK (kind IN ('asked', 'cancelled', 'late', 'compensation')),
    method text NOT NULL,
    state text NOT NULL CHECK (state IN ('created', 'pending', 'unknown', 'paid', 'failed')),
    why text NOT NULL CHECK (btrim(why) <> ''),
    reference uuid NOT NULL DEFAULT gen_random_uuid(),
    provider_ref text,
    reason text,
    said text NOT NULL DEFAULT '',
    sent_at timestamptz,
    polls int NOT NULL DEFAULT 0,
    next_poll_at timestamptz,
    asked_by uuid NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    settled_by uuid,
    FOREIGN KEY (hospital, payment) REFERENCES payment (hospital, id)
);
{walls("refund")}
CREATE UNIQUE INDEX refund_reference ON refund (reference);
CREATE INDEX refund_payment ON refund (hospital, payment);
CREATE INDEX refund_asked ON refund (hospital, next_poll_at) WHERE next_poll_at IS NOT NULL;

INSERT INTO order_step VALUES ('in_review', 'awaiting_payment', NULL);
{inventory()}
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
