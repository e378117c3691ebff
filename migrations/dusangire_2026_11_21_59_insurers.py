"""Invoices to insurers: a month of one of them, issued once, paid by bank transfer like every other invoice."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import inventory, walls

ID = "2026-11-21T23:59:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Invoices to insurers, issued once a month and paid by bank transfer."

SQL = f"""
CREATE TABLE insurer_invoice (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    payer_class text NOT NULL,
    insurer text NOT NULL,
    month date NOT NULL CHECK (month = date_trunc('month', month)),
    trays int NOT NULL CHECK (trays > 0),
    amount_minor int NOT NULL CHECK (amount_minor > 0),
    issued_by uuid NOT NULL REFERENCES app_user,
    issued_at timestamptz NOT NULL DEFAULT now()
);
{walls("insurer_invoice", grants="SELECT, INSERT")}
CREATE UNIQUE INDEX insurer_invoice_once ON insurer_invoice (hospital, month, payer_class, insurer);

ALTER TABLE payment DROP CONSTRAINT payment_purpose_check,
    ADD CONSTRAINT payment_purpose_check
    CHECK (purpose IN ('order', 'plan', 'event', 'account', 'staff_tray', 'insurer'));
{inventory()}
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
