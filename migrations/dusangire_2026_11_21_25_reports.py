"""Indexes for figures and for the history of changes: nothing here reads more than a day, a page or a person."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script

ID = "2026-11-21T23:25:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Indexes for figures and for the history of changes."

SQL = """
CREATE INDEX event_actor ON event (hospital, actor, id);
CREATE INDEX payment_order ON payment (hospital, meal_order);
CREATE INDEX rating_at ON rating (hospital, rated_at);
CREATE INDEX patient_name ON patient USING gin ((given_name || ' ' || family_name) gin_trgm_ops);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
