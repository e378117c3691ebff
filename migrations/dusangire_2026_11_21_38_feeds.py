"""A feed that holds what its patient turns out to be allergic to is suspended until somebody resumes or stops it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script

ID = "2026-11-21T23:38:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "A feed that holds what its patient turns out to be allergic to is suspended."

SQL = """
-- When an allergy last suspended the feed. It stays suspended until confirmed_at is later than this.
ALTER TABLE feed_order ADD COLUMN suspended_at timestamptz;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
