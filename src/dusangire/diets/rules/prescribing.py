"""Prescribing: what a diet order is, who may sign which, and what stands against a signature."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.machine import Machine

from .conflicts import Conflict, conflicts, settled
from .facts import DietOrderFacts, HoldFacts, OwnLimit, Ruling
from .manual import REGULAR, Diet, DietKind, Manual, RuleKind
from .orders import diets_of
from .signing import Question, questions


class OrderStatus(StrEnum):
    """Where a diet order stands. Only ACTIVE feeds anybody."""

    DRAFT = "draft"
    ACTIVE = "active"
    ON_HOLD = "on_hold"
    REVOKED = "revoked"
    COMPLETED = "completed"
    REPLACED = "replaced"


class OrderVerb(StrEnum):
    """What can be done to a diet order."""

    SIGN = "sign"
    SUSPEND = "suspend"
    REPLACE = "replace"
    COMPLETE = "complete"
    REVOKE = "revoke"


_S, _V = OrderStatus, OrderVerb
_SIGNED = frozenset({_S.ACTIVE, _S.ON_HOLD})

# A suspended order never becomes active again: after a hold somebody signs anew.
DIET_ORDER: Machine[OrderStatus, OrderVerb] = Machine(
    _S.DRAFT,
    [
        (_V.SIGN, frozenset({_S.DRAFT}), _S.ACTIVE),
        (_V.SUSPEND, frozenset({_S.ACTIVE}), _S.ON_HOLD),
        (_V.REPLACE, _SIGNED, _S.REPLACED),
        (_V.COMPLETE, _SIGNED, _S.COMPLETED),
        (_V.REVOKE, _SIGNED | {_S.DRAFT}, _S.REVOKED),
    ],
)

FLUID, POTASSIUM = ("fluid_ml", "day"), ("potassium_mg", "meal")
_OEDEMA_ML_PER_KG = Decimal(100)
"""F-75 with severe oedema. Source: WHO 2013/2023, as in the diet manual."""
_UNDER_PROTOCOL = frozenset({DietKind.THERAPEUTIC, DietKind.MODIFIER, DietKind.TEXTURE, DietKind.PREFERENCE})
_REPLACES_REGULAR = frozenset({DietKind.THERAPEUTIC, DietKind.LIQUID, DietKind.PAEDIATRIC})
_TEXTURES = {3: "IDDSI3", 4: "IDDSI4", 5: "IDDSI5", 6: "IDDSI6"}
_REGULAR_FOOD = 7


class Prescription(Struct, frozen=True):
    """What is asked for, before anybody signs. The texture is a code among the codes; `food_level` is its number.

    `fluid_ml_day` and `potassium_mg_meal` are the patient's own limits; `has_severe_oedema` is asked for F-75 alone.
    """

    codes: tuple[str, ...]
    start_at: datetime
    end_at: datetime | None = None
    food_level: int | None = None
    drink_level: int | None = None
    fluid_ml_day: Decimal | None = None
    potassium_mg_meal: Decimal | None = None
    has_severe_oedema: bool | None = None
    reason: str = ""
    replaces: UUID | None = None
    rulings: tuple[Ruling, ...] = ()


class StoredLimits(Struct, frozen=True):
    """The patient's own limits as kept with an order: as typed, and as the verdict reads them."""

    fluid_ml_day: Decimal | None = None
    potassium_mg_meal: Decimal | None = None
    has_severe_oedema: bool | None = None
    own: dict[str, OwnLimit] = {}


class StoredRulings(Struct, frozen=True):
    """What the signer decided about soft conflicts."""

    rulings: tuple[Ruling, ...] = ()


class Standing(Struct, frozen=True):
    """An order already signed that a new one would stand beside."""

    id: UUID
    codes: tuple[str, ...]
    start_at: datetime
    end_at: datetime | None
    food_level: int | None
    drink_level: int | None
    is_under_protocol: bool
    own: Mapping[str, OwnLimit] = {}
    rulings: tuple[Ruling, ...] = ()

    @property
    def is_plain_regular(self) -> bool:
        """Whether it is the base diet alone, with no texture and no limit that replacing it would lose."""
        return self.codes == (REGULAR,) and self.food_level is None and self.drink_level is None and not self.own


class Signing(Struct, frozen=True):
    """Everything that stands against a signature; it may be given when nothing is left in it.

    `unknown` codes, `doubled` codes (ordered already), open `questions`, `hard` and undecided `soft` conflicts,
    `levels` that differ from an order in force, limits that `loosens` the manual, and why the protocol
    forbids it.
    """

    unknown: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    hard: tuple[Conflict, ...] = ()
    soft: tuple[Conflict, ...] = ()
    decided: tuple[Conflict, ...] = ()
    levels: tuple[str, ...] = ()
    loosens: tuple[str, ...] = ()
    protocol: str | None = None
    replaced: tuple[UUID, ...] = ()

    @property
    def is_clear(self) -> bool:
        return not (self.unknown or self.doubled or self.questions or self.hard or self.soft or self.levels) and (
            self.protocol is None
        )


def normal(asked: Prescription, manual: Manual) -> Prescription:
    """Return the prescription with each code once and the texture written both ways, as a code and as a level."""
    codes = list(dict.fromkeys(code.strip().upper() for code in asked.codes if code.strip()))
    levels = [level for code in codes if (level := _level_of(code, manual)) is not None]
    if not levels and asked.food_level in _TEXTURES:
        codes.append(_TEXTURES[asked.food_level])
    food = levels[0] if levels else asked.food_level
    return _with(asked, codes=tuple(codes), food_level=food)


def own_limits(asked: Prescription, manual: Manual, *, by_doctor: bool) -> dict[str, OwnLimit]:
    """Return the patient's own limits by "DIET.nutrient.scope", each under the diets of the order that speak of it.

    Where no diet of the order limits the nutrient, it goes under the first: the limit then stands as a hard one.
    """
    found: dict[str, OwnLimit] = {}
    for place, most in ((FLUID, asked.fluid_ml_day), (POTASSIUM, asked.potassium_mg_meal)):
        if most is not None:
            for code in _speaking(asked.codes, manual, place):
                found[f"{code}.{place[0]}.{place[1]}"] = OwnLimit(most=most, by_doctor=by_doctor)
    if asked.has_severe_oedema:
        for code in asked.codes:
            if code in manual.diets and any(rule.subject == "ml_per_kg" for rule in manual.diets[code].rules):
                found[f"{code}.ml_per_kg.day"] = OwnLimit(most=_OEDEMA_ML_PER_KG, by_doctor=by_doctor)
    return found


def loosened(own: Mapping[str, OwnLimit], manual: Manual) -> tuple[str, ...]:
    """Return the names of the limits that allow more than the manual does."""
    found = []
    for code in {name.partition(".")[0] for name in own} & manual.diets.keys():
        for rule in manual.diets[code].rules:
            mine = own.get(f"{rule.diet}.{rule.subject}.{rule.scope}")
            if mine is not None and rule.kind is RuleKind.LIMIT:
                is_higher = None not in (mine.most, rule.most) and mine.most > rule.most  # type: ignore[operator]
                is_lower = None not in (mine.least, rule.least) and mine.least < rule.least  # type: ignore[operator]
                if is_higher or is_lower:
                    found.append(f"{rule.diet}.{rule.subject}.{rule.scope}")
    return tuple(sorted(found))


def tightest(limits: Iterable[Mapping[str, OwnLimit]]) -> dict[str, OwnLimit]:
    """Return the limits of several orders as one: the largest least and the smallest most of each name."""
    found: dict[str, OwnLimit] = {}
    for own in limits:
        for name, limit in own.items():
            found[name] = limit if name not in found else _both(found[name], limit)
    return found


def signing(
    asked: Prescription,
    standing: Sequence[Standing],
    manual: Manual,
    weight_kg: Decimal | None,
    *,
    by_doctor: bool,
) -> Signing:
    """Return what stands against signing this order beside the ones that stand."""
    replaced = _replaced(asked, standing, manual)
    beside = [order for order in standing if order.id not in replaced and _overlap(order, asked)]
    own = tightest([own_limits(asked, manual, by_doctor=by_doctor), *(order.own for order in beside)])
    codes = [*asked.codes, *(code for order in beside for code in order.codes)]
    found = conflicts([_fact(code, asked) for code in codes], manual, weight_kg, own)
    decided = settled(found, [*asked.rulings, *(ruling for order in beside for ruling in order.rulings)])
    still_open = [conflict for conflict in found if conflict not in decided]
    return Signing(
        unknown=tuple(code for code in asked.codes if code not in manual.diets),
        doubled=tuple(sorted(set(asked.codes) & {code for order in beside for code in order.codes})),
        questions=_open_questions(asked, manual),
        hard=tuple(conflict for conflict in still_open if conflict.hard),
        soft=tuple(conflict for conflict in still_open if not conflict.hard),
        decided=tuple(decided),
        levels=_differing(asked, beside),
        loosens=loosened(own_limits(asked, manual, by_doctor=by_doctor), manual),
        protocol=None if by_doctor else _against_protocol(asked, standing, replaced, manual),
        replaced=replaced,
    )


def may_stop(order: Standing, *, by_doctor: bool) -> bool:
    """Whether the person may end this order: a doctor any, a nutritionist what was signed under protocol."""
    return by_doctor or order.is_under_protocol


def ruling_for(conflict: Conflict, prevails: str) -> Ruling:
    """Return the decision that one diet's bound prevails in this conflict."""
    over = conflict.high if prevails == conflict.low else conflict.low
    return Ruling(conflict.nutrient, conflict.scope, prevails, over)


def hold_fact(start: datetime, end: datetime | None, set_at: datetime, cancelled_at: datetime | None) -> HoldFacts:
    """Return a stored hold as the verdict reads it.

    One set for a time already begun counts from when it was set: what was signed before that, was signed before it.
    """
    is_late = start < set_at and (end is None or set_at < end)
    return HoldFacts(set_at if is_late else start, end, cancelled_at)


def _against_protocol(
    asked: Prescription, standing: Sequence[Standing], replaced: Sequence[UUID], manual: Manual
) -> str | None:
    """A nutritionist signs what tightens: no base, liquid, hold or paediatric diet, no limit above the manual's, no
    ruling that lets one rule give way, and nothing in place of what a doctor signed but the plain regular diet."""
    kinds = {manual.diets[code].kind for code in asked.codes if code in manual.diets}
    if not kinds <= _UNDER_PROTOCOL:
        return "diets.protocol.kind"
    if loosened(own_limits(asked, manual, by_doctor=False), manual):
        return "diets.protocol.loosens"
    if asked.rulings:
        return "diets.protocol.ruling"
    if any(order.id in replaced and not order.is_under_protocol and not order.is_plain_regular for order in standing):
        return "diets.protocol.replaces"
    return None


def _replaced(asked: Prescription, standing: Sequence[Standing], manual: Manual) -> tuple[UUID, ...]:
    kinds = {manual.diets[code].kind for code in asked.codes if code in manual.diets}
    named = [order.id for order in standing if order.id == asked.replaces]
    if kinds & _REPLACES_REGULAR:
        named += [order.id for order in standing if order.is_plain_regular and order.id not in named]
    return tuple(named)


def _open_questions(asked: Prescription, manual: Manual) -> tuple[Question, ...]:
    found = questions(asked.codes, manual, asked.food_level, asked.drink_level)
    is_answered = asked.has_severe_oedema is not None
    return tuple(question for question in found if question is not Question.SEVERE_OEDEMA or not is_answered)


def _differing(asked: Prescription, beside: Iterable[Standing]) -> tuple[str, ...]:
    found = []
    for order in beside:
        if None not in (asked.food_level, order.food_level) and asked.food_level != order.food_level:
            found.append("food_level")
        if None not in (asked.drink_level, order.drink_level) and asked.drink_level != order.drink_level:
            found.append("drink_level")
    return tuple(sorted(set(found)))


def _speaking(codes: Iterable[str], manual: Manual, place: tuple[str, str]) -> list[str]:
    diets = diets_of(codes, manual)
    found = [diet.code for diet in diets if any((rule.subject, rule.scope) == place for rule in diet.rules)]
    return found or [diet.code for diet in diets[:1]]


def _level_of(code: str, manual: Manual) -> int | None:
    diet: Diet | None = manual.diets.get(code)
    for rule in diet.rules if diet is not None else ():
        if rule.kind is RuleKind.IDDSI:
            return int(rule.subject)
    return None


def _overlap(order: Standing, asked: Prescription) -> bool:
    is_after = order.end_at is not None and order.end_at <= asked.start_at
    is_before = asked.end_at is not None and asked.end_at <= order.start_at
    return not is_after and not is_before


def _fact(code: str, asked: Prescription) -> DietOrderFacts:
    return DietOrderFacts(code, OrderStatus.ACTIVE, asked.start_at, asked.start_at, asked.end_at)


def _both(one: OwnLimit, other: OwnLimit) -> OwnLimit:
    leasts = [limit.least for limit in (one, other) if limit.least is not None]
    mosts = [limit.most for limit in (one, other) if limit.most is not None]
    return OwnLimit(max(leasts, default=None), min(mosts, default=None), one.by_doctor and other.by_doctor)


def _with(asked: Prescription, *, codes: tuple[str, ...], food_level: int | None) -> Prescription:
    return Prescription(
        codes=codes,
        start_at=asked.start_at,
        end_at=asked.end_at,
        food_level=food_level,
        drink_level=asked.drink_level,
        fluid_ml_day=asked.fluid_ml_day,
        potassium_mg_meal=asked.potassium_mg_meal,
        has_severe_oedema=asked.has_severe_oedema,
        reason=asked.reason,
        replaces=asked.replaces,
        rulings=asked.rulings,
    )
