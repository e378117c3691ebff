"""Two records of one patient become one."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script

ID = "2026-11-21T23:37:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Two records of one patient become one."

SQL = """
ALTER TABLE patient ADD COLUMN merged_into uuid CHECK (merged_into <> id);
ALTER TABLE patient ADD COLUMN merged_at timestamptz;
ALTER TABLE patient ADD CHECK ((merged_into IS NULL) = (merged_at IS NULL));
ALTER TABLE patient ADD FOREIGN KEY (hospital, merged_into) REFERENCES patient (hospital, id);
CREATE INDEX patient_merged ON patient (hospital, merged_into) WHERE merged_into IS NOT NULL;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
