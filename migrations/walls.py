"""What every table of a hospital gets in the migration that makes it: its wall, its composite key, its grants."""


def walls(table: str, *, grants: str = "SELECT, INSERT, UPDATE", key: str = "id") -> str:
    """Return the SQL: row-level security FORCEd and strict (an unset hospital is an error), and the app's grants."""
    return f"""
        ALTER TABLE {table} ADD CONSTRAINT {table}_of_hospital UNIQUE (hospital, {key});
        {wall(table)}
        GRANT {grants} ON {table} TO dus_app;
    """


def wall(table: str) -> str:
    """Return the policy alone."""
    return f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY wall ON {table} TO dus_app
            USING (hospital = (SELECT current_setting('app.hospital')::int))
            WITH CHECK (hospital = (SELECT current_setting('app.hospital')::int));
    """


def inventory() -> str:
    """Return the SQL that a migration ends with once it has made or changed a wall, a trigger or a dus_ function."""
    return "DELETE FROM guard; INSERT INTO guard SELECT kind, name, digest FROM guard_now;"
