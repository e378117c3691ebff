"""What an override was given for: which end of a limit, and up to which value."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script

ID = "2026-11-21T23:32:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "What an override was given for: which end of a limit, and up to which value."

SQL = """
-- An override of a limit holds for that end of it, and only up to the value its giver saw.
ALTER TABLE diet_override
    ADD COLUMN bound text NOT NULL DEFAULT '' CHECK (bound IN ('', 'min', 'max')),
    ADD COLUMN value numeric,
    ADD COLUMN most numeric,
    ADD COLUMN unit text NOT NULL DEFAULT '';
CREATE INDEX diet_override_given ON diet_override (hospital, given_at);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
