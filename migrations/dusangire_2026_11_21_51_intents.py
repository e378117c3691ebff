"""Money: providers that are asked, news from them, reconciliation by day and method, and fiscal receipts."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import inventory, wall, walls

ID = "2026-11-21T23:51:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Money: asking providers, their news, reconciliation and fiscal receipts."

SQL = f"""
-- unwanted_at: what it was for is called off, so money that still comes is given back.
-- answered_*: what the provider says was paid, where that is not what was asked.
ALTER TABLE payment ADD COLUMN unwanted_at timestamptz,
    ADD COLUMN answered_minor int,
    ADD COLUMN answered_currency text,
    ADD COLUMN answered_ref text;
CREATE UNIQUE INDEX payment_provider_ref ON payment (hospital, method, provider_ref)
    WHERE provider_ref IS NOT NULL AND method IN ('mtn', 'airtel');
CREATE INDEX payment_subject_of ON payment (hospital, subject, share);

-- replaces: the refund that failed and is paid another way now.
ALTER TABLE refund ADD COLUMN replaces uuid,
    ADD FOREIGN KEY (hospital, replaces) REFERENCES refund (hospital, id);
CREATE UNIQUE INDEX refund_replaced_once ON refund (hospital, replaces) WHERE replaces IS NOT NULL;

CREATE FUNCTION dus_refund_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.hospital, NEW.payment, NEW.amount_minor, NEW.kind, NEW.method, NEW.reference, NEW.why, NEW.asked_by)
       IS DISTINCT FROM
       (OLD.id, OLD.hospital, OLD.payment, OLD.amount_minor, OLD.kind, OLD.method, OLD.reference, OLD.why, OLD.asked_by) THEN
        RAISE EXCEPTION 'a refund keeps what it was made for' USING ERRCODE = 'DUS08';
    END IF;
    RETURN NEW;
END $$ SET search_path = pg_catalog, public, pg_temp;
CREATE TRIGGER dus_refund_frozen BEFORE UPDATE ON refund FOR EACH ROW EXECUTE FUNCTION dus_refund_frozen();

CREATE TABLE provider_state (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    provider text NOT NULL,
    silent int NOT NULL DEFAULT 0,
    down_since timestamptz,
    heard_at timestamptz,
    said text NOT NULL DEFAULT ''
);
{walls("provider_state")}
CREATE UNIQUE INDEX provider_state_one ON provider_state (hospital, provider);

CREATE TABLE hook_call (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    provider text NOT NULL,
    payment uuid NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('heard', 'forged')),
    at timestamptz NOT NULL DEFAULT now()
);
{walls("hook_call", grants="SELECT, INSERT, DELETE")}
CREATE INDEX hook_call_at ON hook_call (hospital, at);

CREATE TABLE recon_run (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    day date NOT NULL,
    method text NOT NULL,
    runs int NOT NULL DEFAULT 1,
    matched int NOT NULL,
    ours_minor bigint NOT NULL,
    theirs_minor bigint NOT NULL,
    ran_at timestamptz NOT NULL,
    ran_by uuid NOT NULL
);
{walls("recon_run")}
CREATE UNIQUE INDEX recon_run_one ON recon_run (hospital, day, method);

CREATE TABLE recon_line (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    run uuid NOT NULL,
    key text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('matched', 'missing_here', 'missing_there', 'amount', 'duplicate', 'state')),
    direction text NOT NULL CHECK (direction IN ('payment', 'refund')),
    reference text NOT NULL DEFAULT '',
    provider_ref text NOT NULL DEFAULT '',
    payment uuid,
    ours_minor bigint,
    theirs_minor bigint,
    found_at timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_by uuid,
    resolution text NOT NULL DEFAULT '',
    FOREIGN KEY (hospital, run) REFERENCES recon_run (hospital, id),
    FOREIGN KEY (hospital, payment) REFERENCES payment (hospital, id),
    CHECK (kind = 'matched' OR (resolved_at IS NULL) = (resolution = ''))
);
{walls("recon_line")}
CREATE UNIQUE INDEX recon_line_once ON recon_line (hospital, run, key);
CREATE INDEX recon_line_open ON recon_line (hospital, run) WHERE resolved_at IS NULL AND kind <> 'matched';
CREATE INDEX recon_line_payment ON recon_line (hospital, payment) WHERE payment IS NOT NULL;

CREATE TABLE fiscal_setting (
    hospital int PRIMARY KEY,
    tax_class text NOT NULL DEFAULT 'A' CHECK (tax_class IN ('A', 'B', 'C', 'D')),
    last_invoice int NOT NULL DEFAULT 0
);
{wall("fiscal_setting")}
GRANT SELECT, INSERT, UPDATE ON fiscal_setting TO dus_app;

CREATE TABLE fiscal_receipt (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    subject uuid NOT NULL,
    payment uuid NOT NULL,
    refund uuid,
    kind text NOT NULL CHECK (kind IN ('S', 'R')),
    invoice_no int NOT NULL,
    original_no int NOT NULL DEFAULT 0,
    tax_class text NOT NULL,
    paid_by text NOT NULL,
    amount_minor int NOT NULL CHECK (amount_minor > 0),
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'signed', 'refused', 'at_authority')),
    tries int NOT NULL DEFAULT 0,
    next_try_at timestamptz,
    said text NOT NULL DEFAULT '',
    queued_at timestamptz NOT NULL,
    rcpt_no int,
    total_no int,
    internal_data text NOT NULL DEFAULT '',
    signature text NOT NULL DEFAULT '',
    sdc_id text NOT NULL DEFAULT '',
    mrc_no text NOT NULL DEFAULT '',
    signed_at timestamptz,
    FOREIGN KEY (hospital, payment) REFERENCES payment (hospital, id),
    FOREIGN KEY (hospital, refund) REFERENCES refund (hospital, id),
    CHECK ((state = 'signed') = (signature <> ''))
);
{walls("fiscal_receipt")}
CREATE UNIQUE INDEX fiscal_receipt_number ON fiscal_receipt (hospital, invoice_no);
CREATE UNIQUE INDEX fiscal_receipt_sale ON fiscal_receipt (hospital, payment) WHERE kind = 'S';
CREATE UNIQUE INDEX fiscal_receipt_refund ON fiscal_receipt (hospital, coalesce(refund, payment)) WHERE kind = 'R';
CREATE INDEX fiscal_receipt_queued ON fiscal_receipt (hospital, invoice_no) WHERE state = 'queued';
CREATE INDEX fiscal_receipt_subject ON fiscal_receipt (hospital, subject);
{inventory()}
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
