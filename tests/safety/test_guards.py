"""The guards of the database are counted at every start and at every look at its health."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from litestar import Litestar

from dusangire.kernel.db import acting_as, connection
from dusangire.kernel.guards import Unguarded, broken, refuse_unguarded
from tests.make import Browser
from tests.safety.worlds import owner

_HARM = {
    "trigger meal_order.dus_order_moves": (
        "ALTER TABLE meal_order DISABLE TRIGGER dus_order_moves",
        "ALTER TABLE meal_order ENABLE TRIGGER dus_order_moves",
    ),
    "trigger allergy.dus_fact_locks": (
        "ALTER TABLE allergy ENABLE REPLICA TRIGGER dus_fact_locks",
        "ALTER TABLE allergy ENABLE TRIGGER dus_fact_locks",
    ),
    "wall allergy": (
        "DROP POLICY wall ON allergy",
        "CREATE POLICY wall ON allergy TO dus_app USING (hospital = (SELECT current_setting('app.hospital')::int)) "
        "WITH CHECK (hospital = (SELECT current_setting('app.hospital')::int))",
    ),
    "wall patient_safety": (
        "ALTER TABLE patient_safety DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE patient_safety ENABLE ROW LEVEL SECURITY",
    ),
    "wall stay": ("ALTER TABLE stay NO FORCE ROW LEVEL SECURITY", "ALTER TABLE stay FORCE ROW LEVEL SECURITY"),
    "wall diet_order": (
        "ALTER POLICY wall ON diet_order USING (true)",
        "ALTER POLICY wall ON diet_order USING (hospital = (SELECT current_setting('app.hospital')::int))",
    ),
}


@asynccontextmanager
async def harmed(harm: str, mend: str) -> AsyncIterator[None]:
    conn = await owner()
    try:
        await conn.execute(harm)
        try:
            yield
        finally:
            await conn.execute(mend)
    finally:
        await conn.close()


async def _readiness(app: Litestar) -> tuple[int, str]:
    browser = Browser(app, None)
    try:
        answer = await browser.http.get("/health/ready")
    finally:
        await browser.close()
    return answer.status_code, answer.json()["checks"]["guards"]


async def _lost() -> list[str]:
    with acting_as(None):
        async with connection() as conn:
            return await broken(conn)


@pytest.mark.req("S5")
@pytest.mark.parametrize("name", _HARM)
async def test_a_guard_that_is_gone_is_noticed_at_the_next_look(app: Litestar, name: str) -> None:
    assert await _readiness(app) == (200, "ok")
    async with harmed(*_HARM[name]):
        status, said = await _readiness(app)
        assert (status, said != "ok") == (503, True)
        assert name in await _lost()
        with pytest.raises(Unguarded, match=name.split()[1]), acting_as(None):
            async with connection() as conn:
                await refuse_unguarded(conn)
    assert await _readiness(app) == (200, "ok")


@pytest.mark.parametrize("name", ["dus_order_reasons", "dus_order_moves", "dus_stamped"])
async def test_a_function_of_the_last_line_that_was_rewritten_is_noticed(app: Litestar, name: str) -> None:
    conn = await owner()
    try:
        made = await conn.fetchval("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = $1", name)
    finally:
        await conn.close()
    async with harmed(made.replace("BEGIN", "BEGIN\n    -- kindly", 1), made):
        assert (await _readiness(app))[0] == 503
        assert any(name in lost for lost in await _lost())
    assert await _readiness(app) == (200, "ok")


async def test_a_table_without_a_wall_is_noticed_even_when_nobody_listed_it(app: Litestar) -> None:
    """The list of guards is not all that is looked at: a later table of a hospital needs its wall too."""
    async with harmed("CREATE TABLE later (hospital int)", "DROP TABLE later"):
        assert await _lost() == ["wall later"]
    assert await _lost() == []
