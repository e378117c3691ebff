import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
LOG = TESTS.parent / "docs" / "hazards.md"


def test_every_hazard_names_tests_that_exist():
    rows = [line for line in LOG.read_text().splitlines() if re.match(r"\| \d+ \|", line)]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, 25))
    gone = []
    for row in rows:
        named = re.findall(r"`([a-z_/0-9]+\.py)::(test_[a-z0-9_]+)`", row)
        assert named, row
        gone += [
            f"{path}::{name}"
            for path, name in named
            if not (TESTS / path).exists() or f"def {name}(" not in (TESTS / path).read_text()
        ]
    assert gone == []
