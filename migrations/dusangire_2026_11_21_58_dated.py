"""Entries of the ledger are dated by the database, so nothing is back-dated; points follow a merged record."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import inventory

ID = "2026-11-21T23:58:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Entries of the ledger are dated by the database alone; points follow a merged record."

SQL = f"""
REVOKE INSERT ON entry FROM dus_app;
GRANT INSERT (id, hospital, key, kind, about, reason, reverses, posted_by) ON entry TO dus_app;

GRANT UPDATE (owner) ON point_lot, point_move TO dus_app;
{inventory()}
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
