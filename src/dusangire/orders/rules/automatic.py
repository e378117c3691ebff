"""A tray chosen by the program: dishes that pass the verdict at checkout, as near to a sensible plate as they come.

The same facts give the same tray. The search is bounded, and what it returns has been judged, MINs included.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations

from msgspec import Struct

from dusangire.diets.rules import DishFacts, Gate, Kind, Meal, Prepared, TrayLine
from dusangire.menu.rules import LETTERS

_ONE = Decimal(1)
# A whole portion first; a smaller one to stay under a MAX, a larger one to reach a MIN.
_PORTIONS = (_ONE, Decimal("0.5"), Decimal("1.5"))
_A_PLAN, _A_SWEEP = 150, 400
_MOST_TOGETHER = 4

_SLOTS: Mapping[str, frozenset[str]] = {
    "starch": frozenset({"starch"}),
    "bread": frozenset({"bread"}),
    "porridge": frozenset({"porridge"}),
    "combo": frozenset({"combo"}),
    "protein": frozenset({"protein"}),
    "vegetable": frozenset({"vegetable"}),
    "soup": frozenset({"soup"}),
    "sweet": frozenset({"fruit", "drink"}),
    "fruit": frozenset({"fruit"}),
    "drink": frozenset({"drink"}),
    "dessert": frozenset({"dessert"}),
}
_MAIN = (
    ("starch", "protein", "vegetable", "sweet"),
    ("combo", "vegetable", "sweet"),
    ("starch", "protein", "vegetable"),
    ("starch", "protein", "sweet"),
    ("combo", "sweet"),
    ("starch", "vegetable", "sweet"),
    ("starch", "protein"),
    ("combo",),
    ("soup", "sweet", "dessert"),
    ("soup", "sweet"),
    ("starch", "sweet"),
)
_PLATES: Mapping[Meal, tuple[tuple[str, ...], ...]] = {
    Meal.BREAKFAST: (
        ("porridge", "protein", "fruit"),
        ("bread", "protein", "drink"),
        ("porridge", "fruit"),
        ("bread", "drink", "fruit"),
        ("starch", "protein", "drink"),
        ("porridge", "drink"),
        ("bread", "drink"),
        ("soup", "sweet"),
        ("porridge",),
    ),
    Meal.LUNCH: _MAIN,
    Meal.DINNER: _MAIN,
    Meal.SNACK: (("sweet",), ("porridge",), ("bread",), ("dessert",), ("fruit", "drink"), ("bread", "drink")),
}


def tray_for(
    prepared: Prepared, available: Collection[str], wanted: Sequence[TrayLine] = ()
) -> tuple[TrayLine, ...] | None:
    """Return the lines of a tray that is allowed at checkout; None where none was found.

    `available` are the codes of what the kitchen has; `wanted` is what the patient had chosen, kept as far as it
    passes. A tray that no soft rule asks about is preferred.
    """
    if any(reason.kind in (Kind.BLOCK, Kind.UNKNOWN) for reason in prepared.about_patient):
        return None
    search = _Search(prepared, _shelf(prepared, available))
    for may_ask in (False, True):
        for plan in _plans(search, available, wanted):
            found = search.fill(plan, may_ask=may_ask)
            if found:
                return found
    return search.sweep()


class _Choice(Struct, frozen=True):
    """A dish in the portions of it that pass alone; `share` of the scarcest room a whole one takes, in quarters."""

    dish: str
    category: str
    portions: tuple[Decimal, ...]
    share: int


class _Plan(Struct, frozen=True):
    """What is on the tray already, and the places that are still to be filled."""

    kept: tuple[TrayLine, ...]
    slots: tuple[frozenset[str], ...]


class _Search:
    """Depth first, each plan and each sweep with so many verdicts and no more."""

    def __init__(self, prepared: Prepared, shelf: tuple[_Choice, ...]) -> None:
        self.prepared, self._shelf = prepared, shelf
        self._left = 0

    def fill(self, plan: _Plan, *, may_ask: bool) -> tuple[TrayLine, ...] | None:
        """Return the plan's tray with its places filled; None where that is not possible."""
        self._left = _A_PLAN
        return self._deeper(plan.kept, plan.slots, may_ask=may_ask)

    def sweep(self) -> tuple[TrayLine, ...] | None:
        """Return any tray at all, the fewest dishes first: a diet may leave no plate that is one."""
        for size in range(1, _MOST_TOGETHER):
            self._left = _A_SWEEP
            for together in combinations(self._shelf, size):
                if self._left <= 0:
                    break
                slots = tuple(frozenset({one.category}) for one in together)
                found = self._of(together, slots)
                if found:
                    return found
        return None

    def passes(self, lines: tuple[TrayLine, ...], gate: Gate, *, may_ask: bool = True) -> bool:
        self._left -= 1
        said = self.prepared.judge(lines, gate)
        return said.is_allowed and (may_ask or not said.asks)

    def _deeper(
        self, lines: tuple[TrayLine, ...], slots: tuple[frozenset[str], ...], *, may_ask: bool
    ) -> tuple[TrayLine, ...] | None:
        if not slots:
            return lines if lines and self.passes(lines, Gate.CHECKOUT, may_ask=may_ask) else None
        on_tray = {line.dish for line in lines}
        for choice in self._shelf:
            if choice.category not in slots[0] or choice.dish in on_tray:
                continue
            for portion in choice.portions:
                if self._left <= 0:
                    return None
                more = (*lines, TrayLine(choice.dish, portion))
                if self.passes(more, Gate.CART):
                    found = self._deeper(more, slots[1:], may_ask=may_ask)
                    if found:
                        return found
        return None

    def _of(self, together: tuple[_Choice, ...], slots: tuple[frozenset[str], ...]) -> tuple[TrayLine, ...] | None:
        narrow = _Search(self.prepared, together)
        narrow._left = self._left
        found = narrow._deeper((), slots, may_ask=True)
        self._left = narrow._left
        return found


def _shelf(prepared: Prepared, available: Collection[str]) -> tuple[_Choice, ...]:
    """Return what the kitchen has for this meal and the patient may have, what takes little of the scarce first."""
    letter = LETTERS[prepared.serving.meal]
    found = []
    for code, dish in prepared.dishes.items():
        if code in available and letter in dish.periods:
            portions = tuple(
                portion
                for portion in _PORTIONS
                if prepared.judge((TrayLine(code, portion),), Gate.CART).is_allowed
            )  # fmt: skip
            if portions:
                found.append(_Choice(code, dish.category, portions, _share(prepared, dish)))
    return tuple(sorted(found, key=lambda choice: choice.share))


def _share(prepared: Prepared, dish: DishFacts) -> int:
    shares = [
        (dish.nutrients.of(check.limit.base) or Decimal(0)) / check.room
        for check in prepared.checks
        if check.room is not None and check.room > 0 and check.limit.base in _summed(prepared)
    ]
    return int(max(shares, default=Decimal(0)) * 4)


def _summed(prepared: Prepared) -> frozenset[str]:
    return frozenset(base for base in prepared.bases if base != "feeds")


def _plans(search: _Search, available: Collection[str], wanted: Sequence[TrayLine]) -> Iterator[_Plan]:
    """Yield what was wanted, then as much of it as passes with the rest replaced in kind, then the plates."""
    kept: tuple[TrayLine, ...] = ()
    for line in wanted:
        if line.dish in available and search.passes((*kept, line), Gate.CART):
            kept = (*kept, line)
    if kept:
        missing = _kinds(search, [line.dish for line in wanted if line not in kept])
        for size in range(len(missing), -1, -1):
            yield from (_Plan(kept, some) for some in combinations(missing, size))
        yield from (_Plan(kept, (*missing, _SLOTS[more])) for more in ("starch", "bread", "sweet", "protein"))
    for plate in _PLATES[search.prepared.serving.meal]:
        yield _Plan((), tuple(_SLOTS[slot] for slot in plate))


def _kinds(search: _Search, dishes: Sequence[str]) -> tuple[frozenset[str], ...]:
    known = search.prepared.dishes
    return tuple(frozenset({known[code].category}) for code in dishes if code in known)
