"""Rate limits that hold across processes: one upsert per knock, counted in PostgreSQL."""

from dusangire.kernel.db import fetch_value


async def knocks(scope: str, key: str, window_s: int) -> int:
    """Count one more knock and return how many there were in this window, this one included."""
    return int(
        await fetch_value(
            """
            INSERT INTO knock (scope, key, window_start, n)
            VALUES ($1, $2, to_timestamp(floor(extract(epoch FROM now()) / $3) * $3), 1)
            ON CONFLICT (scope, key, window_start) DO UPDATE SET n = knock.n + 1
            RETURNING n
            """,
            scope,
            key,
            window_s,
        )
    )


async def forget(scope: str, key: str) -> None:
    """Start the count anew, after a success."""
    await fetch_value("DELETE FROM knock WHERE scope = $1 AND key = $2", scope, key)
