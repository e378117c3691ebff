"""The house rules that the import contract cannot say, each as a short look at the source or the catalogue."""

import ast
import re
from pathlib import Path

import asyncpg
import pytest

from dusangire.kernel.db import address
from dusangire.kernel.settings import settings
from dusangire.piccolo_app import APP_CONFIG

SRC = Path(__file__).resolve().parents[2] / "src" / "dusangire"
TEMPLATES = SRC.parents[1] / "templates"
PACKAGES = sorted(
    path.name for path in SRC.iterdir() if (path / "__init__.py").exists() and path.name not in ("kernel",)
)
_SQL = re.compile(r"^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\s", re.IGNORECASE)
# Tables that stand above the hospitals, by design: who exists, where they are signed in, how often doors were tried, and
# what the database's own verdict and steps are made of.
GLOBAL = {
    "hospital", "app_user", "session", "password_reset", "knock", "migration", "allergen_member", "order_step", "guard",
    "ledger_account",
}  # fmt: skip


def _files(room: str) -> list[Path]:
    return [
        path
        for package in PACKAGES
        for path in [*(SRC / package).glob(f"{room}.py"), *(SRC / package / room).glob("**/*.py")]
    ]


def _room(path: Path) -> str:
    return path.relative_to(SRC).parts[1].removesuffix(".py")


def _python() -> list[Path]:
    return [path for package in PACKAGES for path in (SRC / package).rglob("*.py")]


def test_sql_text_lives_in_queries_and_services_only():
    found = [
        f"{path.relative_to(SRC)}: {node.value.strip()[:40]}"
        for path in _python()
        if _room(path) not in ("queries", "service")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.match(node.value)
        if " FROM " in node.value.upper() or " INTO " in node.value.upper() or " SET " in node.value.upper()
    ]
    assert found == []


def test_queries_write_nothing():
    found = [
        f"{path.relative_to(SRC)}: {node.value.strip()[:40]}"
        for path in _files("queries")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.match(r"^\s*(INSERT|UPDATE|DELETE)\s", node.value, re.IGNORECASE)
    ]
    calls = [
        f"{path.relative_to(SRC)}: {call.group(0)}"
        for path in _files("queries")
        for call in re.finditer(r"async with transaction\(|\b[A-Z]\w+\.(insert|update|delete)\(", path.read_text())
    ]
    assert found + calls == []


def test_only_a_service_opens_a_transaction():
    rooms = {_room(path) for path in _python() if "async with transaction()" in path.read_text()}
    assert rooms <= {"service", "jobs"}


def test_rules_are_synchronous_and_take_their_time_as_an_argument():
    found = [
        str(path.relative_to(SRC))
        for path in _files("rules")
        if re.search(r"async def|datetime\.now|utcnow|random|time\.time", path.read_text())
    ]
    assert found == []


def test_no_verdict_or_access_check_is_surrounded_by_a_catch_all():
    found = [
        f"{path.relative_to(SRC)}:{node.lineno}"
        for path in _python()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        if node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))
    ]
    assert found == []


def test_tables_hold_no_methods():
    found = [
        f"{path.relative_to(SRC)}: {node.name}"
        for path in _files("tables")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert found == []


def test_every_fragment_says_what_it_needs_and_has_one_root_with_an_id():
    wrong = []
    for path in TEMPLATES.rglob("_*.html"):
        if path.parent == TEMPLATES:
            continue
        text = path.read_text()
        body = re.sub(r"\{#.*?#\}|\{%.*?%\}", "", text, flags=re.DOTALL).strip()
        if not text.startswith("{# needs:") or not re.match(r"<[a-z0-9]+[^>]*\bid=", body, re.DOTALL):
            wrong.append(str(path.relative_to(TEMPLATES)))
    assert wrong == []


def test_no_template_holds_inline_script_style_or_switches_escaping_off():
    wrong = [
        f"{path.relative_to(TEMPLATES)}: {bad.group(0)}"
        for path in TEMPLATES.rglob("*.html")
        for bad in re.finditer(r"\|\s*safe\b|\sstyle=|\son[a-z]+=|<script>|<style>|javascript:", path.read_text())
    ]
    assert wrong == []


def test_every_form_that_posts_carries_its_token_and_an_address_of_its_own():
    wrong = []
    for path in TEMPLATES.rglob("*.html"):
        for form in re.finditer(r"<form\b[^>]*method=\"post\"[^>]*>.*?</form>", path.read_text(), re.DOTALL):
            if "{{ token }}" not in form.group(0) or 'action="' not in form.group(0).split(">", 1)[0]:
                wrong.append(f"{path.relative_to(TEMPLATES)}: {form.group(0)[:60]}")
    assert wrong == []


def test_every_htmx_post_sits_on_a_form_or_button_that_works_without_it():
    wrong = [
        f"{path.relative_to(TEMPLATES)}: {tag.group(0)[:70]}"
        for path in TEMPLATES.rglob("*.html")
        for tag in re.finditer(r"<(\w+)\b[^>]*\bhx-(post|get)=[^>]*>", path.read_text())
        if tag.group(1) not in ("form", "a", "button", "input", "select", "fieldset", "div", "section")
    ]
    assert wrong == []


async def _catalogue(sql: str) -> list[asyncpg.Record]:
    conn = await asyncpg.connect(**address(settings().owner_url))
    try:
        return await conn.fetch(sql)
    finally:
        await conn.close()


@pytest.mark.req("N7")
async def test_every_table_of_a_hospital_has_its_wall(app):
    rows = await _catalogue(
        """
        SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS is_walled,
               EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'wall') AS has_policy,
               EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'hospital') AS has_column
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
        """
    )
    open_tables = {row["relname"] for row in rows if not (row["is_walled"] and row["has_policy"] and row["has_column"])}
    assert open_tables == GLOBAL


@pytest.mark.req("N7")
async def test_no_reference_can_cross_hospitals(app):
    rows = await _catalogue(
        """
        SELECT con.conrelid::regclass::text AS source, con.confrelid::regclass::text AS target,
               cardinality(con.conkey) AS width
        FROM pg_constraint con JOIN pg_namespace n ON n.oid = con.connamespace
        WHERE con.contype = 'f' AND n.nspname = 'public'
        """
    )
    loose = [
        f"{r['source']} → {r['target']}" for r in rows if r["width"] < 2 and r["target"] not in GLOBAL | {"membership"}
    ]
    assert loose == []


async def test_the_tables_in_python_are_the_tables_in_the_database(app):
    rows = await _catalogue(
        """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND is_generated = 'NEVER'
        """
    )
    real: dict[str, set[str]] = {}
    for row in rows:
        real.setdefault(row["table_name"], set()).add(row["column_name"])
    for table in APP_CONFIG.table_classes:
        written = {column._meta.db_column_name for column in table._meta.columns}
        assert written <= real[table._meta.tablename], table._meta.tablename
        assert real[table._meta.tablename] - written <= {"txid", "recipe_touched_at"} | (
            {"hospital"} if "hospital" in written else set()
        )


def test_files_stay_small_enough_to_read():
    long = {
        str(path.relative_to(SRC)): n for path in SRC.rglob("*.py") if (n := len(path.read_text().splitlines())) > 350
    }
    assert long == {}
