"""`python -m tests.hazards --check`: every hazard of docs/hazards.md has a test that ran and passed in the last `make test`."""

import re
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).resolve().parent
LOG = TESTS.parent / "docs" / "hazards.md"
RESULTS = TESTS.parent / ".dusangire" / "results.xml"
COUNT = 24


def named() -> dict[int, list[str]]:
    """Return hazard → the tests its row names, as `diets/test_allergy.py::test_name`."""
    rows = [line for line in LOG.read_text().splitlines() if re.match(r"\| \d+ \|", line)]
    return {int(row.split("|")[1]): re.findall(r"`([a-z_/0-9]+\.py::test_[a-z0-9_]+)`", row) for row in rows}


def outcomes(results: Path) -> dict[str, set[str]]:
    """Return test → what became of it in a run: passed, failed or skipped, over all its parameters."""
    found: dict[str, set[str]] = defaultdict(set)
    for case in ElementTree.parse(results).iter("testcase"):  # noqa: S314  pytest's own file
        module = case.get("classname", "").removeprefix("tests.").replace(".", "/")
        name = case.get("name", "").partition("[")[0]
        failed = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped") is not None
        found[f"{module}.py::{name}"].add("failed" if failed else "skipped" if skipped else "passed")
    return found


def unproven(rows: dict[int, list[str]], found: dict[str, set[str]]) -> list[str]:
    """Return what is wrong: a hazard that no run test proves, or a named test that did not pass.

    A long test does not run here; it may be named beside one that does.
    """
    wrong = [f"hazard {number} is missing" for number in range(1, COUNT + 1) if number not in rows]
    for number, tests in rows.items():
        if not any(found.get(test) == {"passed"} for test in tests):
            wrong.append(f"hazard {number}: no named test ran and passed")
        wrong += [
            f"hazard {number}: {test} {' and '.join(sorted(found[test]))}"
            for test in tests
            if test in found and found[test] != {"passed"}
        ]
    return wrong


def main() -> None:
    """Print the tests of each hazard; with --check, end with an error where one is not proven."""
    rows = named()
    if "--check" not in sys.argv:
        for number, tests in rows.items():
            print(number, *tests)
        return
    if not RESULTS.exists():
        sys.exit(f"{RESULTS} is not there: run `make test` first.")
    wrong = unproven(rows, outcomes(RESULTS))
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(rows)} hazards, each with a test that ran and passed.")


if __name__ == "__main__":
    main()
