"""What a carrier has checked at the bed, kept with the stop, and the initials that stand for a signature."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script

ID = "2026-11-21T22:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "What a carrier has checked at the bed, kept with the stop; initials as a signature."

SQL = """
ALTER TABLE delivery_stop ADD COLUMN tray_scanned_at timestamptz;
ALTER TABLE delivery_stop ADD COLUMN bed_checked_at timestamptz;
ALTER TABLE delivery_stop ADD COLUMN bed_method text CHECK (bed_method IN ('scan', 'typed', 'staff_area'));
ALTER TABLE delivery_stop ADD COLUMN checked_bed uuid;
ALTER TABLE delivery_stop ADD FOREIGN KEY (hospital, checked_bed) REFERENCES bed (hospital, id);
ALTER TABLE handover ADD COLUMN signed_as text NOT NULL DEFAULT '';
CREATE INDEX handover_at ON handover (hospital, handed_at);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
