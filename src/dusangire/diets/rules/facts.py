"""The facts a verdict is judged on, and the verdict itself. All frozen; nothing here reads or decides."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from dusangire.menu.rules import Declaration, DishFacts, Nutrients

__all__ = [
    "Allergy",
    "AllergyStatus",
    "Answer",
    "Bound",
    "Declaration",
    "DietOrderFacts",
    "DishFacts",
    "Gate",
    "HoldFacts",
    "Kind",
    "Meal",
    "Nutrients",
    "OtherTray",
    "OwnLimit",
    "PatientFacts",
    "Reason",
    "Ruling",
    "Serving",
    "Severity",
    "Slot",
    "Tray",
    "TrayLine",
    "Verdict",
]


class Answer(StrEnum):
    """Only ALLOW passes."""

    ALLOW = "ALLOW"
    BLOCK = "BLOCK"
    UNKNOWN = "UNKNOWN"


class Kind(StrEnum):
    """What one reason does: BLOCK and UNKNOWN stop the tray, ASK goes to the nutritionist, ADVICE is only shown."""

    BLOCK = "block"
    UNKNOWN = "unknown"
    ASK = "ask"
    ADVICE = "advice"


class Bound(StrEnum):
    """Which end of a limit a reason speaks of."""

    MIN = "min"
    MAX = "max"


class Meal(StrEnum):
    """The meal periods of a day."""

    BREAKFAST = "breakfast"
    LUNCH = "lunch"
    DINNER = "dinner"
    SNACK = "snack"


class Slot(StrEnum):
    """The three snacks of a day, each summed for itself."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


class Gate(StrEnum):
    """Where a tray stands when it is judged. A meal's MIN counts from CHECKOUT on."""

    MENU = "menu"
    CART = "cart"
    CHECKOUT = "checkout"
    FIRE = "fire"
    PLATE = "plate"
    DISPATCH = "dispatch"
    HANDOVER = "handover"


class AllergyStatus(StrEnum):
    """`not_asked` is not `none_known`."""

    NOT_ASKED = "not_asked"
    NONE_KNOWN = "none_known"
    RECORDED = "recorded"


class Severity(StrEnum):
    """How badly the patient reacts; only INTOLERANCE lets "may contain" through, with an ask."""

    ANAPHYLAXIS = "anaphylaxis"
    SEVERE = "severe"
    MODERATE = "moderate"
    INTOLERANCE = "intolerance"


class Allergy(Struct, frozen=True):
    """One recorded allergy. `code` is an EU-14 group, a member of one, or an ingredient; text, so that an unknown
    code or severity is judged UNKNOWN instead of being lost on the way in."""

    code: str
    severity: str
    kind: str | None = None


class Ruling(Struct, frozen=True):
    """What the signer of an order decided about a conflict with a soft rule in it: which diet prevails over which.

    `scope` is the conflict's: breakfast, lunch (for lunch and dinner), snack, day or item.
    """

    nutrient: str
    scope: str
    prevails: str
    over: str


class DietOrderFacts(Struct, frozen=True):
    """One diet order as stored. `status` other than "active" does not count; half-open `[start, end)`."""

    code: str
    status: str
    signed_at: datetime | None
    start: datetime
    end: datetime | None = None
    rulings: tuple[Ruling, ...] = ()


class HoldFacts(Struct, frozen=True):
    """One NPO hold `[start, end)`; no end: until released. A release is stored as `end` or `cancelled_at`."""

    start: datetime
    end: datetime | None = None
    cancelled_at: datetime | None = None


class OwnLimit(Struct, frozen=True):
    """A patient's own limit for one "DIET.nutrient.scope"; None keeps the manual's bound on that side.

    A looser bound than the manual's counts only when a doctor gave it.
    """

    least: Decimal | None = None
    most: Decimal | None = None
    by_doctor: bool = False


class PatientFacts(Struct, frozen=True):
    """What was read of one patient. `weight_on` dates the weight: an undated one is no weight.

    `hospitals` are the distinct hospitals of all rows read; `rows_read` must equal `active_constraint_count`.
    """

    admission: str
    hospitals: tuple[int, ...]
    allergy_status: str
    allergies: tuple[Allergy, ...] = ()
    diets: tuple[DietOrderFacts, ...] = ()
    holds: tuple[HoldFacts, ...] = ()
    weight_kg: Decimal | None = None
    weight_on: date | None = None
    iddsi_food: int | None = None
    iddsi_drink: int | None = None
    ordered_by: str = "nurse"
    own_limits: Mapping[str, OwnLimit] = {}
    uncoded_free_text: str | None = None
    active_constraint_count: int = 0
    rows_read: int = 0
    clock_skew_s: Decimal = Decimal(0)
    flags: frozenset[str] = frozenset()
    feeds: "tuple[FeedFacts, ...]" = ()


class FeedFacts(Struct, frozen=True):
    """One signed feed by bottle or tube. `amount` is in ml by tube and in units of the product by mouth.

    A continuous feed gives `total_ml` in `hours` hours from `start` on, each day anew; a bolus feed `amount` at each of
    `times`. `continues_in_npo`: a doctor lets it run through holds. `confirmed_at` is when somebody last said that it
    may run: when it was signed, or when it was resumed after a hold. `given` is what was given on each day, by amount.
    `suspended_at` is when an allergy to it last stopped it.
    """

    start: datetime
    end: datetime | None
    confirmed_at: datetime
    is_tube: bool
    unit_ml: Decimal
    unit_kcal: Decimal
    unit_protein_g: Decimal
    hours: int | None = None
    total_ml: Decimal | None = None
    rate_ml_h: Decimal | None = None
    amount: Decimal | None = None
    times: tuple[time, ...] = ()
    continues_in_npo: bool = False
    dish: str = ""
    given: "Mapping[date, Decimal]" = {}
    suspended_at: datetime | None = None


class TrayLine(Struct, frozen=True):
    """So many portions of one dish. Only ½, 1 and 1½ times a whole quantity of at least 1 can be served."""

    dish: str
    portion: Decimal = Decimal(1)
    quantity: int | Decimal = 1


class Serving(Struct, frozen=True):
    """When a tray is planned to be eaten. `serve_at` carries the hospital's own offset: snack slots are read off it."""

    meal: Meal
    day: date
    serve_at: datetime


class Tray(Struct, frozen=True):
    """The tray to judge."""

    serving: Serving
    gate: Gate
    lines: tuple[TrayLine, ...]


class OtherTray(Struct, frozen=True):
    """Another tray of the patient or sent to the bed. `for_carer`: the carer's own meal, which is not summed."""

    meal: Meal
    day: date
    status: str
    lines: tuple[TrayLine, ...]
    serve_at: datetime | None = None
    for_carer: bool = False


class Reason(Struct, frozen=True):
    """One thing the verdict has to say.

    `source` is a diet code, ALLERGY, NPO, DISH, DIET, PATIENT, IDDSI or CONTRADICTION; `dish` is set where one dish is
    the cause; `value` and `limit` are in `unit`, per kg already multiplied by the weight. `override` names the override
    that made an ask of a rule that blocks.
    """

    kind: Kind
    source: str
    rule: str
    subject: str
    scope: str
    value: Decimal | None = None
    limit: Decimal | None = None
    unit: str = ""
    bound: Bound | None = None
    dish: str | None = None
    hard: bool = True
    override: UUID | None = None

    def key(self) -> list[str]:
        """Return `[source, rule, nutrient or tag, scope]`."""
        return [self.source, self.rule, self.subject, self.scope]


class Verdict(Struct, frozen=True):
    """The answer and everything that led to it; each list sorted, one entry per dish and bound."""

    answer: Answer
    reasons: tuple[Reason, ...] = ()
    asks: tuple[Reason, ...] = ()
    advice: tuple[Reason, ...] = ()

    @property
    def is_allowed(self) -> bool:
        """Whether the tray may advance."""
        return self.answer is Answer.ALLOW

    @property
    def blocks(self) -> tuple[Reason, ...]:
        """The broken rules."""
        return tuple(reason for reason in self.reasons if reason.kind is Kind.BLOCK)

    @property
    def unknowns(self) -> tuple[Reason, ...]:
        """The missing or contradictory facts."""
        return tuple(reason for reason in self.reasons if reason.kind is Kind.UNKNOWN)


def keys(reasons: tuple[Reason, ...]) -> list[list[str]]:
    """Return the keys of some reasons, sorted, each once."""
    found = {(reason.source, reason.rule, reason.subject, reason.scope) for reason in reasons}
    return [list(key) for key in sorted(found)]


def verdict_of(found: Iterable[Reason]) -> Verdict:
    """Return the verdict that follows from all reasons found: BLOCK wins over UNKNOWN, and nothing is dropped."""
    unique = {_order(reason): reason for reason in found}
    told: dict[Kind, list[Reason]] = {Kind.BLOCK: [], Kind.UNKNOWN: [], Kind.ASK: [], Kind.ADVICE: []}
    stops: list[Reason] = []
    for order in sorted(unique):
        reason = unique[order]
        told[reason.kind].append(reason)
        if reason.kind is Kind.BLOCK or reason.kind is Kind.UNKNOWN:
            stops.append(reason)
    otherwise = Answer.UNKNOWN if stops else Answer.ALLOW
    answer = Answer.BLOCK if told[Kind.BLOCK] else otherwise
    return Verdict(answer, tuple(stops), tuple(told[Kind.ASK]), tuple(told[Kind.ADVICE]))


def _order(reason: Reason) -> tuple[str, ...]:
    return (
        reason.source,
        reason.rule,
        reason.subject,
        reason.scope,
        reason.dish or "",
        reason.bound or "",
        reason.kind,
    )
