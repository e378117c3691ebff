"""What the kitchen has acknowledged: a stopped tray stays on the board until a cook says they have stopped it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import walls

ID = "2026-11-21T21:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "What the kitchen has acknowledged: stopped trays."

SQL = f"""
CREATE TABLE stop_seen (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    meal_order uuid NOT NULL,
    stopped_at timestamptz NOT NULL,
    seen_by uuid NOT NULL REFERENCES app_user,
    seen_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (hospital, meal_order) REFERENCES meal_order (hospital, id)
);
{walls("stop_seen")}
CREATE UNIQUE INDEX stop_seen_once ON stop_seen (hospital, meal_order, stopped_at);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
