"""Orders: as whom an order was placed, so that every later verdict sees the same person."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script

ID = "2026-11-21T23:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Orders: as whom an order was placed, so that every later verdict sees the same person."

SQL = """
ALTER TABLE meal_order ADD COLUMN placed_as text NOT NULL DEFAULT 'nurse';
ALTER TABLE meal_order ADD COLUMN cutoff_at timestamptz;
UPDATE meal_order SET cutoff_at = serve_from;
ALTER TABLE meal_order ALTER COLUMN cutoff_at SET NOT NULL;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
