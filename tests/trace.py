"""`python -m tests.trace`: which tests prove which requirement, as docs/requirements.md; `--check` fails when it is stale."""

import ast
import sys
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "requirements.md"
TABLE = TESTS.parent / "docs" / "requirements.csv"


def claims() -> dict[str, list[str]]:
    """Return requirement id → the tests that claim it, in order."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for id_ in _ids(node):
                    found[id_].add(f"{path.relative_to(TESTS)}::{node.name}")
    return {id_: sorted(tests) for id_, tests in found.items()}


def _ids(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [
        argument.value
        for mark in function.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.req"
        for argument in mark.args
        if isinstance(argument, ast.Constant)
    ]


def page() -> str:
    """Return docs/requirements.md."""
    proven, rows = claims(), [line.split("|") for line in TABLE.read_text().splitlines() if line]
    unknown = sorted(set(proven) - {row[0] for row in rows})
    if unknown:
        sys.exit(f"tests claim requirements that docs/requirements.csv does not list: {', '.join(unknown)}")
    lines = [
        "# Requirements and what proves them",
        "",
        "Written by `python -m tests.trace` from `docs/requirements.csv` and the tests' marks; `make trace` fails when it is stale.",
        f"{sum(1 for row in rows if row[0] in proven)} of {len(rows)} requirements are claimed by a test.",
        "",
        "| ID | Requirement | Proven by |",
        "|---|---|---|",
    ]
    lines += [
        f"| {id_} | {words} | {'<br>'.join(f'`{test}`' for test in proven.get(id_, [])) or '–'} |"
        for id_, words in rows
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page, or with --check compare it; print what no test claims."""
    made = page()
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text() != made:
            sys.exit("docs/requirements.md is stale: run `python -m tests.trace` and commit it.")
    else:
        PAGE.write_text(made)
    proven = claims()
    open_ids = [
        line.split("|")[0] for line in TABLE.read_text().splitlines() if line and line.split("|")[0] not in proven
    ]
    print(f"not yet claimed by a test: {', '.join(open_ids) or 'none'}")


if __name__ == "__main__":
    main()
