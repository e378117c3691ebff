from pathlib import Path

from tests import hazards


def test_every_hazard_names_tests_that_exist():
    rows = hazards.named()
    assert list(rows) == list(range(1, hazards.COUNT + 1))
    assert [number for number, tests in rows.items() if not tests] == []
    gone = [test for tests in rows.values() for test in tests if not _exists(test)]
    assert gone == []


def _exists(test: str) -> bool:
    path, _, name = test.partition("::")
    file = hazards.TESTS / path
    return file.exists() and f"def {name}(" in file.read_text()


RUN = """<testsuites><testsuite>
    <testcase classname="tests.diets.test_a" name="test_one[x]"/>
    <testcase classname="tests.diets.test_a" name="test_one[y]"/>
    <testcase classname="tests.diets.test_a" name="test_two[x]"><failure/></testcase>
    <testcase classname="tests.diets.test_a" name="test_two[y]"/>
    <testcase classname="tests.diets.test_a" name="test_three"><skipped/></testcase>
</testsuite></testsuites>"""


def test_a_hazard_is_proven_only_by_a_test_that_ran_and_passed(tmp_path: Path):
    (tmp_path / "run.xml").write_text(RUN)
    found = hazards.outcomes(tmp_path / "run.xml")
    all_ = {number: ["diets/test_a.py::test_one"] for number in range(1, hazards.COUNT + 1)}
    assert hazards.unproven(all_, found) == []
    assert hazards.unproven(all_ | {3: ["diets/test_a.py::test_one", "diets/test_a.py::test_long"]}, found) == []
    for wrong in ("test_two", "test_three", "test_long"):
        said = hazards.unproven(all_ | {3: [f"diets/test_a.py::{wrong}"]}, found)
        assert said[0] == "hazard 3: no named test ran and passed"
    said = hazards.unproven(all_ | {3: ["diets/test_a.py::test_one", "diets/test_a.py::test_two"]}, found)
    assert said == ["hazard 3: diets/test_a.py::test_two failed and passed"]
    del all_[7]
    assert hazards.unproven(all_, found) == ["hazard 7 is missing"]
