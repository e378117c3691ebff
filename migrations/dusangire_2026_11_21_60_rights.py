"""An override is given and agreed to by people who may, and stays as it was given, whoever writes the row."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import inventory

ID = "2026-11-22T00:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "An override is given and seconded by people who may, and frozen once given."

_SAFE_PATH = "SET search_path = pg_catalog, public, pg_temp"

SQL = f"""
-- Whose role here has the right, or who was granted it; the program's list of rights says the same.
CREATE FUNCTION dus_may_override(h int, who uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM membership m WHERE m.hospital = h AND m.app_user = who AND m.ended_at IS NULL
           AND (m.role IN ('doctor', 'nutritionist', 'super_admin') OR 'diet_override' = ANY (m.granted))
           AND 'diet_override' <> ALL (m.revoked));
END $$ {_SAFE_PATH};

CREATE FUNCTION dus_override_by_right() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    still text[] := ARRAY['seconded_by', 'seconded_at', 'withdrawn_by', 'withdrawn_at'];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - still <> to_jsonb(OLD) - still
           OR OLD.seconded_by IS NOT NULL AND (NEW.seconded_by, NEW.seconded_at) IS DISTINCT FROM (OLD.seconded_by, OLD.seconded_at)
           OR OLD.withdrawn_at IS NOT NULL AND NEW.withdrawn_at IS DISTINCT FROM OLD.withdrawn_at THEN
            RAISE EXCEPTION 'an override stays as it was given' USING ERRCODE = 'DUS04';
        END IF;
    ELSIF NOT dus_may_override(NEW.hospital, NEW.given_by) THEN
        RAISE EXCEPTION 'who gives an override must have the right to' USING ERRCODE = 'DUS03';
    END IF;
    IF NEW.seconded_by IS NOT NULL AND NOT dus_may_override(NEW.hospital, NEW.seconded_by) THEN
        RAISE EXCEPTION 'who agrees to an override must have the right to' USING ERRCODE = 'DUS03';
    END IF;
    RETURN NEW;
END $$ {_SAFE_PATH};
CREATE TRIGGER dus_override_by_right BEFORE INSERT OR UPDATE ON diet_override FOR EACH ROW
    EXECUTE FUNCTION dus_override_by_right();
{inventory()}
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
