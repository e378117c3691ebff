"""The tests of the safety core against small wrong changes to it: each mutant in a fork of one warm run of pytest.

`python -m tests.safety.mutant_runs rules|steps [how many] [seed] [at once]` prints every change nobody noticed and the
score of each module. Changes that cannot be noticed, because they change nothing, stand in `equivalent_mutants.txt` with
the reason. Where all are tried, the core unchanged goes first and must pass: a test that fails anyway notices nothing.
"""

import ast
import asyncio
import importlib.abc
import importlib.util
import inspect
import os
import random
import select
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest
from msgspec import Struct

from tests.safety.mutants import ROOT, RULES, STEPS, Mutant, mutants, path_of

EQUIVALENT = Path(__file__).with_name("equivalent_mutants.txt")
_UNNOTICED, _NOTICED, _BROKEN = 0, 1, 3


class Suite(Struct, frozen=True):
    """Some modules of the core and the smallest set of tests that holds them, the slow ones last; `limit_s` is for one
    mutant."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    options: tuple[str, ...]
    limit_s: int


SUITES = {
    "rules": Suite(
        RULES,
        tuple(
            f"tests/diets/test_{name}.py"
            for name in ("corners", "limit_corners", "conflict_corners", "core", "overrides", "cases", "verdict", "allergy", "texture", "cross_contact", "choices", "feeds", "medicines", "pairs")
        ),
        ("--confcutdir", "tests/diets"),
        200,
    ),
    "steps": Suite(
        STEPS,
        tuple(f"tests/orders/test_{name}.py" for name in ("holding", "moving", "selling", "many_trays", "meal_stop")),
        (),
        400,
    ),
}  # fmt: skip


def chosen(suite: Suite, count: int, seed: int) -> list[Mutant]:
    """Return every mutant of a suite that is not known to change nothing, or so many of them by chance."""
    same = known_equivalent()
    every = [mutant for module in suite.modules for mutant in mutants(module) if mutant.name not in same]
    return every if count >= len(every) else random.Random(seed).sample(every, count)


def known_equivalent() -> dict[str, str]:
    """Return the names of mutants that change nothing, each with its reason."""
    lines = [line for line in EQUIVALENT.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("\t") for line in lines)


def install(mutant: Mutant) -> None:
    """Put one mutant into the modules that are loaded: the code of its function, or the value of its name."""
    module = sys.modules[mutant.module]
    if not mutant.function:
        _install_value(module, mutant)
        return
    found: Any = module
    for name in mutant.function.split("."):
        found = inspect.getattr_static(found, name)
    found = inspect.unwrap(getattr(found, "fget", None) or getattr(found, "__func__", found))
    assert isinstance(found, FunctionType)
    found.__code__ = _code(mutant.module, mutant.statement, mutant.function)


def _code(module: str, source: str, function: str) -> CodeType:
    whole = compile(source, str(path_of(module)), "exec")
    return next(one for one in _codes(whole) if one.co_qualname == function)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _codes(one)


def _install_value(module: ModuleType, mutant: Mutant) -> None:
    """Assign anew what the statement names and what the module makes of it, wherever it has been imported."""
    there = dict(vars(module))
    names = _assign(mutant.statement, there)
    for later in ast.parse(mutant.source).body:
        if isinstance(later, ast.Assign | ast.AnnAssign) and later.lineno > mutant.line and names & _reads(later):
            names |= _assign(ast.unparse(later), there)
    homes = [one for name, one in list(sys.modules.items()) if name.partition(".")[0] in ("dusangire", "tests")]
    for name in names:
        old = vars(module)[name]
        for home in homes:
            if vars(home).get(name) is old:
                setattr(home, name, there[name])


def _assign(statement: str, there: dict[str, Any]) -> set[str]:
    exec(statement, there)  # noqa: S102
    return {
        node.id for node in ast.walk(ast.parse(statement)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    } & there.keys()  # fmt: skip


def _reads(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def can_be_installed(mutant: Mutant) -> bool:
    """Whether a mutant can be put into loaded modules; a change of a class or a default wants the import anew."""
    if not mutant.function:
        return isinstance(ast.parse(mutant.statement).body[0], ast.Assign | ast.AnnAssign)
    after = _code(mutant.module, mutant.statement, mutant.function)
    before = _code(mutant.module, path_of(mutant.module).read_text(), mutant.function)
    return after.co_freevars == before.co_freevars


class _Loader(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module its mutated source when it is imported."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(self, fullname: str, _path: object, _target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != self.mutant.module:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(path_of(fullname)))

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.mutant.source, str(path_of(self.mutant.module)), "exec"), module.__dict__)  # noqa: S102


class Score:
    """Who was noticed, and by which test most: those go first with the next mutant of the module."""

    def __init__(self, suite: Suite, at_once: int) -> None:
        self.suite, self.at_once = suite, at_once
        self.noticed: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self.left: list[str] = []
        self.by: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def try_all(self, every: Sequence[Mutant], child: Callable[[Mutant], None]) -> None:
        """Try every mutant in a process of its own, some at once; `child` ends by itself or with an error."""
        waiting, running = list(reversed(every)), dict[int, tuple[Mutant, int, float]]()
        while waiting or running:
            while waiting and len(running) < self.at_once:
                mutant = waiting.pop()
                running.update(self._start(mutant, child))
            ready, _, _ = select.select(list(running), [], [], 1.0)
            for pipe in list(running):
                mutant, pid, ends = running[pipe]
                if pipe in ready:
                    self._note(mutant, os.read(pipe, 4096).decode(), _end_of(pid))
                elif time.monotonic() > ends:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    print("noticed by its time alone:", mutant.name, flush=True)
                    self._note(mutant, "", _NOTICED)
                else:
                    continue
                os.close(pipe)
                del running[pipe]

    def _start(self, mutant: Mutant, child: Callable[[Mutant], None]) -> dict[int, tuple[Mutant, int, float]]:
        pipe, end = os.pipe()
        pid = os.fork()
        if pid == 0:
            _in_child(end, lambda: child(mutant))
        os.close(end)
        return {pipe: (mutant, pid, time.monotonic() + self.suite.limit_s)}

    def _note(self, mutant: Mutant, by: str, end: int) -> None:
        assert end in (_UNNOTICED, _NOTICED), f"{mutant.name}: the run itself broke ({end}) {by}"
        self.tried[mutant.module] += 1
        if end == _NOTICED:
            self.noticed[mutant.module] += 1
            self.by[mutant.module][by] += 1
        else:
            self.left.append(f"{mutant.name} (line {mutant.line})")
            print("not noticed:", self.left[-1], flush=True)


_say: Callable[[str], None]


def _in_child(end: int, run: Callable[[], None]) -> None:
    """Run, silent, to the first test that fails, which `_say` names; never come back."""
    global _say
    _say = lambda text: os.write(end, text.encode()[:4000]) and None  # noqa: E731
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    try:
        run()
    except BaseException as broken:
        _say(repr(broken))
        os._exit(_BROKEN)
    os._exit(_UNNOTICED)


def _end_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Warm:
    """The plugin that has pytest collect once and then tries the mutants instead of running the tests."""

    def __init__(self, score: Score, every: Sequence[Mutant], *, is_whole: bool) -> None:
        self.score, self.every, self.is_whole = score, every, is_whole

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        assert session.items
        assert not session.testsfailed
        if self.is_whole:
            _must_pass(lambda: self._run(session, None))
        self.score.try_all(self.every, lambda mutant: self._run(session, mutant))
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            _say(report.nodeid)
            os._exit(_NOTICED)

    def _run(self, session: pytest.Session, mutant: Mutant | None) -> None:
        items = session.items
        if mutant is not None:
            install(mutant)
            best = self.score.by[mutant.module]
            items = sorted(items, key=lambda item: -best[item.nodeid])
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _must_pass(run: Callable[[], None]) -> None:
    pipe, end = os.pipe()
    pid = os.fork()
    if pid == 0:
        _in_child(end, run)
    os.close(end)
    with os.fdopen(pipe) as told:
        said = told.read()
    assert _end_of(pid) == _UNNOTICED, f"the core as it is fails a test: {said}"


def _cold(suite: Suite, mutant: Mutant) -> None:
    """Import everything anew with a mutant in it, and run the tests."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("dusangire", "tests")]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Loader(mutant))
    if pytest.main([*_options(suite), "-x"]) != pytest.ExitCode.OK:
        os._exit(_NOTICED)


def _options(suite: Suite) -> list[str]:
    return [
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-s",
        *suite.options,
        "-m",
        "not long",
        "-k",
        "not quick",
        *suite.tests,
    ]


@contextmanager
def _database() -> Iterator[None]:
    """A PostgreSQL that is prepared once, for all the forks: the one DATABASE_URL names, or our own."""
    from dusangire.kernel import embedded, schema
    from dusangire.kernel.settings import settings
    from tests import conftest  # noqa: F401  says where the server lives

    said = settings()
    running = embedded.start(embedded.place(said), said) if said.is_embedded else None
    try:
        asyncio.run(schema.prepare(said.owner_url, said))
        os.environ["DATABASE_URL"] = said.owner_url
        settings.cache_clear()
        schema.prepare = _is_prepared
        yield
    finally:
        if running is not None:
            embedded.stop(running)


async def _is_prepared(*_: object) -> list[str]:
    return []


def run(suite: Suite, count: int, seed: int, at_once: int) -> Score:
    """Try so many mutants of a suite."""
    score, every = Score(suite, at_once), chosen(suite, count, seed)
    score.try_all([one for one in every if not can_be_installed(one)], lambda mutant: _cold(suite, mutant))
    warm = Warm(score, [one for one in every if can_be_installed(one)], is_whole=len(every) < count)
    end = pytest.main(_options(suite), plugins=[warm])
    assert end == pytest.ExitCode.OK, end
    return score


def main() -> None:
    name, *numbers = sys.argv[1:]
    count, seed, at_once = [*map(int, numbers), *(10**9, 0, 2)[len(numbers) :]]
    os.chdir(ROOT)
    suite = SUITES[name]
    with nullcontext() if suite.options else _database():
        score = run(suite, count, seed, at_once)
    for module in suite.modules:
        print(f"{module}: {score.noticed[module]} of {score.tried[module]}")
    print(f"{score.noticed.total()} of {score.tried.total()} noticed")


if __name__ == "__main__":
    main()
