"""The manual as it is written, signed and kept: its whole text, what a draft changes in it, and what is wrong."""

from collections import Counter
from collections.abc import Hashable, Iterable
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct

from dusangire.menu.rules import EU_ALLERGENS, NUTRIENTS, TAGS

from .conflicts import dish_conflicts, limit_conflicts
from .flags import MEDICINES
from .food_drug import Subject
from .limits import FEEDS, PER_KG, limits_of
from .manual import DietKind, Manual, RuleKind, manual_from_rows

SCOPES = ("item", "breakfast", "meal", "snack", "day", "order")
_DURATION = "duration_h"
LIMITED = (*NUTRIENTS, *PER_KG, FEEDS, _DURATION)
_Key = TypeVar("_Key", bound=Hashable)
_IDDSI = ("3", "4", "5", "6", "7")


class BookRule(Struct, frozen=True):
    """One rule as written. `standing` says whether the number is a standard or the house's own."""

    rule_kind: str
    subject: str
    scope: str
    min: Decimal | None
    max: Decimal | None
    severity: str
    standing: str
    source: str

    @property
    def place(self) -> tuple[str, str, str]:
        """What makes it the same rule in two versions."""
        return (self.rule_kind, self.subject, self.scope)


class BookDiet(Struct, frozen=True):
    """One diet as written, with its rules in order."""

    code: str
    name_en: str
    name_fr: str
    name_rw: str
    kind: str
    item_rules: str
    note: str
    source: str
    standing: str
    validated_by: str
    rules: tuple[BookRule, ...] = ()


class BookNote(Struct, frozen=True):
    """One note on a medicine and food as written."""

    flag: str
    subject_kind: str
    subject: str
    threshold: Decimal | None
    kind: str
    text_key: str
    source: str

    @property
    def place(self) -> tuple[str, str, str]:
        return (self.flag, self.subject_kind, self.subject)


class Book(Struct, frozen=True):
    """The whole manual."""

    diets: tuple[BookDiet, ...] = ()
    notes: tuple[BookNote, ...] = ()

    def diet(self, code: str) -> BookDiet | None:
        return next((diet for diet in self.diets if diet.code == code), None)


class RuleChange(Struct, frozen=True):
    """One rule side by side: None on the side where it is not."""

    before: BookRule | None
    after: BookRule | None


class DietChange(Struct, frozen=True):
    """One diet side by side; `rules` only those that differ, `words` the named texts that differ with both sides."""

    code: str
    before: BookDiet | None
    after: BookDiet | None
    rules: tuple[RuleChange, ...]
    words: tuple[tuple[str, str, str], ...]

    @property
    def changes_verdicts(self) -> bool:
        """Whether a tray may be judged differently."""
        kinds = {side.kind for side in (self.before, self.after) if side is not None}
        return bool(self.rules) or self.before is None or len(kinds) > 1


class NoteChange(Struct, frozen=True):
    before: BookNote | None
    after: BookNote | None


class Changes(Struct, frozen=True):
    """Everything in which two versions differ."""

    diets: tuple[DietChange, ...]
    notes: tuple[NoteChange, ...]

    def __bool__(self) -> bool:
        return bool(self.diets or self.notes)

    @property
    def codes(self) -> tuple[str, ...]:
        """The diets whose trays have to be judged again."""
        return tuple(diet.code for diet in self.diets if diet.changes_verdicts)


class Fault(StrEnum):
    """Why a version cannot be signed."""

    CLASH = "clash"
    UNKNOWN = "unknown"
    TWICE = "twice"
    BOUNDS = "bounds"
    NOTE = "note"


class Problem(Struct, frozen=True):
    """What is wrong, where; `least` and `most` where two numbers leave nothing between them."""

    fault: Fault
    code: str
    subject: str
    scope: str = ""
    least: Decimal | None = None
    most: Decimal | None = None


_WORDS = ("name_en", "name_fr", "name_rw", "kind", "item_rules", "note", "source", "standing", "validated_by")


def manual_of(book: Book, ingredients: Iterable[str] = ()) -> Manual:
    """Return the manual that judges trays. Raises ValueError for what the verdict does not know."""
    diets = [
        {"code": one.code, "name_en": one.name_en, "kind": one.kind, "note": one.note, "validated_by": one.validated_by}
        for one in book.diets
    ]
    rules = [
        {
            "diet_code": diet.code,
            "rule_kind": rule.rule_kind,
            "nutrient_or_tag": rule.subject,
            "scope": rule.scope,
            "min": plain(rule.min),
            "max": plain(rule.max),
            "severity": rule.severity,
            "source": rule.source,
        }
        for diet in book.diets
        for rule in diet.rules
    ]
    notes = [
        {**{name: str(getattr(note, name)) for name in BookNote.__struct_fields__}, "threshold": plain(note.threshold)}
        for note in book.notes
    ]
    return manual_from_rows(diets, rules, [{"ingredient": name} for name in ingredients], notes)


def changes(before: Book, after: Book) -> Changes:
    """Return in what two versions differ, in the order of the later one, what is gone last."""
    codes = dict.fromkeys([*(diet.code for diet in after.diets), *(diet.code for diet in before.diets)])
    diets = [_diet_change(code, before.diet(code), after.diet(code)) for code in codes]
    olds, news = {note.place: note for note in before.notes}, {note.place: note for note in after.notes}
    notes = [NoteChange(olds.get(place), news.get(place)) for place in dict.fromkeys([*news, *olds])]
    return Changes(
        tuple(one for one in diets if one.rules or one.words or one.before is None or one.after is None),
        tuple(one for one in notes if one.before != one.after),
    )


def problems(book: Book) -> list[Problem]:
    """Return everything that keeps a version from being signed; nothing in it may contradict itself."""
    found = [problem for diet in book.diets for problem in _of_diet(diet)]
    found += [problem for note in book.notes for problem in _of_note(note)]
    found += [Problem(Fault.TWICE, code, code) for code in _twice(diet.code for diet in book.diets)]
    if found:
        return found
    manual = manual_of(book)
    for diet in manual.diets.values():
        limits = limits_of(diet, {}, None)
        clashes = list(dict.fromkeys(limit_conflicts([limits, limits]) + dish_conflicts((diet,))))
        found += [Problem(Fault.CLASH, diet.code, one.nutrient, one.scope, one.least, one.most) for one in clashes]
    return found


def plain(bound: Decimal | None) -> str:
    """Return a bound as the files write it."""
    return "" if bound is None else f"{bound.normalize():f}"


def _diet_change(code: str, before: BookDiet | None, after: BookDiet | None) -> DietChange:
    olds = {rule.place: rule for rule in before.rules} if before else {}
    news = {rule.place: rule for rule in after.rules} if after else {}
    pairs = [RuleChange(olds.get(place), news.get(place)) for place in dict.fromkeys([*news, *olds])]
    words = [
        (name, getattr(before, name), getattr(after, name))
        for name in _WORDS
        if before and after and getattr(before, name) != getattr(after, name)
    ]
    return DietChange(code, before, after, tuple(one for one in pairs if one.before != one.after), tuple(words))


def _of_diet(diet: BookDiet) -> list[Problem]:
    found: list[Problem] = []
    if diet.kind not in list(DietKind) or not diet.name_en.strip():
        found.append(Problem(Fault.UNKNOWN, diet.code, diet.kind))
    for rule in diet.rules:
        if not is_known(rule):
            found.append(Problem(Fault.UNKNOWN, diet.code, rule.subject or rule.rule_kind, rule.scope))
        elif rule.rule_kind == RuleKind.LIMIT and not _is_interval(rule):
            found.append(Problem(Fault.BOUNDS, diet.code, rule.subject, rule.scope, rule.min, rule.max))
    found += [
        Problem(Fault.TWICE, diet.code, place[1], place[2]) for place in _twice(rule.place for rule in diet.rules)
    ]
    return found


def is_known(rule: BookRule) -> bool:
    """Return whether the verdict knows what a rule is about: its kind, its subject and its scope."""
    if rule.severity not in ("hard", "soft") or rule.scope not in SCOPES or not rule.source.strip():
        return False
    match rule.rule_kind:
        case RuleKind.LIMIT:
            return rule.subject in LIMITED and (rule.scope == "order") is (rule.subject == _DURATION)
        case RuleKind.REQUIRE | RuleKind.FORBID:
            return rule.subject in TAGS
        case RuleKind.NO_ALLERGEN:
            return rule.subject in EU_ALLERGENS
        case RuleKind.IDDSI:
            return rule.subject in _IDDSI
        case RuleKind.ONLY:
            return bool(rule.subject)
        case RuleKind.NOTHING:
            return True
    return False


def _is_interval(rule: BookRule) -> bool:
    if rule.min is None and rule.max is None:
        return False
    if any(bound is not None and bound < 0 for bound in (rule.min, rule.max)):
        return False
    return rule.min is None or rule.max is None or rule.min <= rule.max


def _of_note(note: BookNote) -> list[Problem]:
    about_nutrient = note.subject_kind == Subject.NUTRIENT
    is_right = (
        note.flag in MEDICINES
        and note.kind in ("advice", "ask")
        and note.subject_kind in list(Subject)
        and bool(note.source.strip())
        and about_nutrient is (note.threshold is not None and note.threshold > 0)
        and (not about_nutrient or note.subject in NUTRIENTS)
        and (note.subject_kind != Subject.TAG or note.subject in TAGS)
        and bool(note.subject.strip())
    )
    return [] if is_right else [Problem(Fault.NOTE, note.flag, note.subject)]


def _twice(found: Iterable[_Key]) -> list[_Key]:
    counts = Counter(found)
    return [one for one, count in counts.items() if count > 1]
