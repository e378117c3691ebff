"""Small wrong changes to the safety core, one at a time; `mutant_runs` looks whether the tests notice them."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).resolve().parents[2]
RULES = tuple(
    f"dusangire.diets.rules.{name}"
    for name in ("verdict", "allergy", "texture", "holds", "items", "orders", "conflicts", "sums", "limits", "overrides", "facts")
)  # fmt: skip
STEPS = tuple(f"dusangire.orders.service.{name}" for name in ("judging", "moving", "holding"))

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
_COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_EMPTY: dict[str, tuple[ast.expr, ...]] = {
    "bool": (ast.Constant(value=True), ast.Constant(value=False)),
    "list": (ast.List([], ast.Load()),),
    "tuple": (ast.Tuple([], ast.Load()),),
    "frozenset": (ast.Call(ast.Name("frozenset", ast.Load()), [], []),),
}
Change = tuple[str, ast.AST | None, ast.AST]
"""A word for it, the part it is about where that is not the whole node, and the node instead."""


class Mutant(Struct, frozen=True):
    """One wrong change. `function` is the qualified name of the one it is inside of, or empty; `statement` the whole
    changed statement of the module that it is in, `source` the module with it."""

    module: str
    function: str
    line: int
    what: str
    statement: str
    source: str

    @property
    def name(self) -> str:
        return f"{self.module.rpartition('.')[2]}.{self.function or '-'}: {self.what}"


def path_of(module: str) -> Path:
    return ROOT / "src" / (module.replace(".", "/") + ".py")


def mutants(module: str) -> Iterator[Mutant]:
    """Yield every mutant of one module, each another program than the rest."""
    text = path_of(module).read_text()
    lines, seen, named = text.splitlines(keepends=True), set[str](), Counter[str]()
    for top in ast.parse(text).body:
        first, last = min(node.lineno for node in (top, *getattr(top, "decorator_list", ()))), top.end_lineno
        before, after = "".join(lines[: first - 1]), "".join(lines[last:])
        seen.add(ast.unparse(top))
        for place in _places(top):
            for what, part, put in _changes(place):
                changed = place.with_(put)
                if changed in seen:
                    continue
                seen.add(changed)
                said = f"{what}: {' '.join(ast.unparse(part or place.node).split())[:110]}"
                named[place.function + said] += 1
                nth = named[place.function + said]
                yield Mutant(
                    module, place.function, getattr(place.node, "lineno", first), said + (f" #{nth}" if nth > 1 else ""),
                    changed, f"{before}{changed}\n{after}",
                )  # fmt: skip


class Place(Struct, frozen=True):
    """One node of a statement of a module, and where it hangs: in a field of its parent, or at an index of that."""

    top: ast.stmt
    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None
    function: str
    returns: str

    def with_(self, put: ast.AST) -> str:
        """Return the whole statement with another node here; the tree is as it was afterwards."""
        kept = getattr(self.parent, self.field)
        instead = put if self.index is None else [*kept[: self.index], put, *kept[self.index + 1 :]]
        setattr(self.parent, self.field, instead)
        try:
            return ast.unparse(self.top)
        finally:
            setattr(self.parent, self.field, kept)


def _places(top: ast.stmt) -> Iterator[Place]:
    yield from _below(top, top, "", "", "")


def _below(parent: ast.AST, top: ast.stmt, function: str, returns: str, prefix: str) -> Iterator[Place]:
    if isinstance(parent, ast.ClassDef):
        prefix += f"{parent.name}."
    for field, value in ast.iter_fields(parent):
        inside, told = function, returns
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef) and field == "body" and not function:
            inside, told = prefix + parent.name, ast.unparse(parent.returns) if parent.returns else ""
        for index, node in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(node, ast.AST) and not _is_no_rule(parent, field, node):
                yield Place(top, node, parent, field, index if isinstance(value, list) else None, inside, told)
                yield from _below(node, top, inside, told, prefix)


def _is_no_rule(parent: ast.AST, field: str, node: ast.AST) -> bool:
    """Annotations, `frozen=True` and docstrings decide nothing."""
    is_told = isinstance(parent, ast.ClassDef) and field == "keywords"
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_told or is_text or field in ("annotation", "returns")


def _changes(place: Place) -> list[Change]:
    """Return what can go wrong at one place."""
    if isinstance(place.node, ast.stmt):
        return _of_statement(place.node, place.returns)
    return _of_expression(place.node)


def _of_statement(node: ast.stmt, returns: str) -> list[Change]:
    match node:
        case ast.If():
            return [("condition turned round", None, ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse))]
        case ast.Expr(value=ast.Call() | ast.Await() | ast.Yield()) | ast.AugAssign() | ast.Raise() | ast.Continue():
            return [("left out", None, ast.Pass())]
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            kind = returns.partition("[")[0]
            return [
                ("always returned", None, ast.Return(empty)) for empty in _EMPTY.get(kind, ()) if _can_be(kind, returns)
            ]
    return []


def _can_be(kind: str, returns: str) -> bool:
    """Whether an empty one is of the type: a tuple of a fixed length has none."""
    return kind != "tuple" or returns.endswith(", ...]")


def _of_expression(node: ast.AST) -> list[Change]:
    match node:
        case ast.Compare():
            return [
                ("compared otherwise", None, _compare(node, at))
                for at, op in enumerate(node.ops)
                if type(op) in _COMPARED
            ]
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            fewer = [("part left out", part, _without(node, part)) for part in node.values]
            return [("and for or", None, ast.BoolOp(other, node.values)), *fewer]
        case ast.UnaryOp(op=ast.Not()):
            return [("not left out", None, node.operand)]
        case ast.IfExp():
            return [("condition turned round", None, ast.IfExp(node.test, node.orelse, node.body))]
        case ast.Constant(value=bool()):
            return [("truth turned round", None, ast.Constant(not node.value))]
        case ast.Constant(value=int()):
            return [("number changed", None, ast.Constant(node.value + 1))]
        case ast.Call(func=ast.Name(id=name)) if name in _SWAPPED:
            return [("swapped", None, ast.Call(ast.Name(_SWAPPED[name], ast.Load()), node.args, node.keywords))]
        case ast.BinOp() if type(node.op) in _COUNTED:
            return [("counted otherwise", None, ast.BinOp(node.left, _COUNTED[type(node.op)](), node.right))]
        case ast.comprehension(ifs=[_, *_]):
            return [("filter left out", None, ast.comprehension(node.target, node.iter, [], node.is_async))]
        case ast.List() | ast.Tuple():
            starred = [item for item in node.elts if isinstance(item, ast.Starred)]
            return [("element left out", item, _less(node, item)) for item in starred]
        case ast.Set() if len(node.elts) > 1:
            return [("element left out", item, _less(node, item)) for item in node.elts]
    return []


def _compare(node: ast.Compare, at: int) -> ast.Compare:
    ops = [_COMPARED[type(op)]() if index == at else op for index, op in enumerate(node.ops)]
    return ast.Compare(node.left, ops, node.comparators)


def _without(node: ast.BoolOp, part: ast.expr) -> ast.expr:
    kept = [other for other in node.values if other is not part]
    return kept[0] if len(kept) == 1 else ast.BoolOp(node.op, kept)


def _less(node: ast.List | ast.Tuple | ast.Set, item: ast.expr) -> ast.expr:
    kept = [other for other in node.elts if other is not item]
    return ast.Set(kept) if isinstance(node, ast.Set) else type(node)(kept, ast.Load())
