"""Small wrong changes to the safety core, one at a time: the tests of the rules must notice each of them.

`python -m tests.safety.mutants [how many] [seed]` prints the score and every change nobody noticed. Changes that cannot
be noticed, because they change nothing, stand in `equivalent_mutants.txt` with the reason.
"""

import ast
import copy
import csv
import importlib.abc
import importlib.util
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from msgspec import Struct

ROOT = Path(__file__).resolve().parents[2]
CORE = tuple(
    f"dusangire.diets.rules.{name}"
    for name in ("verdict", "allergy", "texture", "holds", "items", "orders", "conflicts", "sums", "limits", "overrides", "facts")
)  # fmt: skip
TESTS = (
    "test_cases.py", "test_verdict.py", "test_allergy.py", "test_texture.py", "test_cross_contact.py", "test_choices.py",
    "test_overrides.py", "test_core.py",
)  # fmt: skip
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.txt")
_LIMIT_S = 40

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
_COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip


class Mutant(Struct, frozen=True):
    """One wrong change: where, what, and the source of the module with it."""

    module: str
    line: int
    what: str
    source: str

    @property
    def name(self) -> str:
        return f"{self.module.rpartition('.')[2]}: {self.what}"


def path_of(module: str) -> Path:
    return ROOT / "src" / (module.replace(".", "/") + ".py")


def mutants(module: str) -> Iterator[Mutant]:
    """Yield every mutant of one module."""
    tree = ast.parse(path_of(module).read_text())
    nodes, seen = list(ast.walk(tree)), {ast.unparse(tree)}
    told = {id(word.value) for node in nodes if isinstance(node, ast.ClassDef) for word in node.keywords}
    for index, node in enumerate(nodes):
        if id(node) in told:  # frozen=True and the like are no rule
            continue
        for number in range(len(list(_changes(node)))):
            changed = copy.deepcopy(tree)
            place = list(ast.walk(changed))[index]
            before = ast.unparse(place)
            what, after = list(_changes(place))[number]
            if not _replace(changed, place, after):
                continue
            ast.fix_missing_locations(changed)
            source, line = ast.unparse(changed), getattr(node, "lineno", 0)
            if source in seen:
                continue
            seen.add(source)
            said = " ".join(before.split())[:90]
            yield Mutant(module, line, f"{what}: {said}", source)


def _changes(node: ast.AST) -> list[tuple[str, ast.AST | None]]:
    """Return what can go wrong at one place: a word for it, and the node instead (None: nothing instead)."""
    found: list[tuple[str, ast.AST | None]] = []
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARED:
        found.append(("compared otherwise", ast.Compare(node.left, [_COMPARED[type(node.ops[0])]()], node.comparators)))
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        found.append(("and for or", ast.BoolOp(other, node.values)))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        found.append(("not left out", node.operand))
    if isinstance(node, ast.If | ast.IfExp):
        found.append(("condition turned round", _with(node, test=ast.UnaryOp(ast.Not(), node.test))))
    if isinstance(node, ast.Constant) and type(node.value) is int:
        found.append(("number changed", ast.Constant(node.value + 1)))
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        found.append(("truth turned round", ast.Constant(not node.value)))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _SWAPPED:
        found.append(("swapped", ast.Call(ast.Name(_SWAPPED[node.func.id], ast.Load()), node.args, node.keywords)))
    if isinstance(node, ast.BinOp) and type(node.op) in _COUNTED:
        found.append(("counted otherwise", ast.BinOp(node.left, _COUNTED[type(node.op)](), node.right)))
    if isinstance(node, ast.AugAssign):
        found.append(("statement left out", ast.Pass()))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        found.append(("statement left out", ast.Pass()))
    if isinstance(node, ast.Return) and isinstance(node.value, ast.List | ast.ListComp):
        found.append(("nothing returned", ast.Return(ast.List([], ast.Load()))))
    return found


def _with(node: ast.AST, **fields: ast.AST) -> ast.AST:
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST | None) -> bool:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                return True
            if isinstance(value, list) and any(item is old for item in value):
                setattr(parent, name, [new if item is old else item for item in value])
                return True
    return False


class _Loader(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module its mutated source."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(self, fullname: str, _path: object, _target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != self.mutant.module:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(path_of(fullname)))

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.mutant.source, str(path_of(self.mutant.module)), "exec"), module.__dict__)  # noqa: S102


def is_noticed(mutant: Mutant) -> bool:
    """Run the rules' tests against one mutant, in a process of its own; anything but success is noticing."""
    child = os.fork()
    if child == 0:
        os._exit(_run(mutant))
    ends = time.monotonic() + _LIMIT_S
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status != 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _run(mutant: Mutant) -> int:
    import pytest

    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    for name in [name for name in sys.modules if name.partition(".")[0] == "dusangire"]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Loader(mutant))
    try:
        if _fails_a_case():
            return 1
    except BaseException:
        return 1
    tests = [str(path) for path in (ROOT / "tests/diets" / name for name in TESTS) if path.exists()]
    return int(
        pytest.main(
            ["-x", "-q", "-p", "no:cacheprovider", "--confcutdir", str(ROOT / "tests/diets"), "-m", "not long", *tests]
        )
    )


def _fails_a_case() -> bool:
    """Judge the open cases, which is quicker than any test and notices most."""
    from dusangire.diets.rules import judge_line, manual_from_rows
    from dusangire.menu.rules import dishes_from_rows

    def rows(name: str) -> list[dict[str, str]]:
        with (ROOT / "src/dusangire/seed" / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    manual = manual_from_rows(rows("diets.csv"), rows("diet_rules.csv"), rows("ingredients.csv"))
    dishes = dishes_from_rows(rows("menu.csv"), rows("ingredients.csv"), rows("recipe_lines.csv"))
    for line in (ROOT / "tests/diets/verdict-cases.jsonl").read_text("utf-8").splitlines():
        expected = json.loads(line)["expected"]
        answer = json.loads(judge_line(line, manual, dishes))
        if (answer.get("verdict"), answer.get("reasons")) != (expected["verdict"], expected["reasons"]):
            return True
    return False


def known_equivalent() -> set[str]:
    """Return the names of mutants that change nothing, as the list says; each with its reason after a tab."""
    if not EQUIVALENT.exists():
        return set()
    return {
        line.partition("\t")[0] for line in EQUIVALENT.read_text().splitlines() if line and not line.startswith("#")
    }


def score(chosen: Sequence[Mutant]) -> tuple[int, list[str]]:
    """Return how many of some mutants were noticed, and the names of the others."""
    import pytest  # noqa: F401  loaded once, before the forks

    left = []
    for mutant in chosen:
        if not is_noticed(mutant):
            left.append(f"{mutant.name} (line {mutant.line})")
            print("not noticed:", left[-1], flush=True)
    return len(chosen) - len(left), left


def all_mutants() -> list[Mutant]:
    """Return every mutant of the core that is not known to change nothing."""
    same = known_equivalent()
    return [mutant for module in CORE for mutant in mutants(module) if mutant.name not in same]


def main() -> None:
    every = all_mutants()
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else len(every)
    dice = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    chosen = every if wanted >= len(every) else dice.sample(every, wanted)
    os.chdir(ROOT)
    noticed, left = score(chosen)
    print(f"{noticed} of {len(chosen)} noticed ({len(every)} in all); left: {len(left)}")


if __name__ == "__main__":
    main()
