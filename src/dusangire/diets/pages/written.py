"""The prescription form: what is typed, what it starts from, and what it asks for."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from litestar.connection import Request
from msgspec import Struct

from dusangire.diets.pages.chart import moment
from dusangire.diets.queries import Chart, DietOrderRow
from dusangire.diets.rules import Conflict, Ruling
from dusangire.diets.rules.favourites import favourite
from dusangire.diets.rules.prescribing import OrderStatus, Prescription, ruling_for
from dusangire.kernel import clock, forms
from dusangire.kernel.access import Actor
from dusangire.kernel.forms import Form, Limits

_FORMAT = "%Y-%m-%dT%H:%M"
_REGULAR_FOOD = 7


Ruled = Annotated[str, Limits(most=120)]


class Written(Struct, frozen=True):
    """The form as typed. A texture is a code (`IDDSI5`) or 7 for regular food; `ruling1` to `ruling8` say which
    of two diets prevails, as `low|high|nutrient|scope|prevails`. `drop` takes one diet off the form and `instead` names
    the order to replace: the buttons beside a clash."""

    diet: Annotated[str, Limits(most=20)] = ""
    diet2: Annotated[str, Limits(most=20)] = ""
    diet3: Annotated[str, Limits(most=20)] = ""
    diet4: Annotated[str, Limits(most=20)] = ""
    food: Annotated[str, Limits(most=12)] = ""
    drink: Annotated[int, Limits(least=0, most=4)] | None = None
    fluid: Annotated[Decimal, Limits(least=1, most=10000)] | None = None
    potassium: Annotated[Decimal, Limits(least=1, most=10000)] | None = None
    oedema: Annotated[str, Limits(most=3)] = ""
    start: datetime | None = None
    end: datetime | None = None
    reason: Annotated[str, Limits(most=300)] = ""
    replaces: UUID | None = None
    allergies: bool = False
    ruling1: Ruled = ""
    ruling2: Ruled = ""
    ruling3: Ruled = ""
    ruling4: Ruled = ""
    ruling5: Ruled = ""
    ruling6: Ruled = ""
    ruling7: Ruled = ""
    ruling8: Ruled = ""
    drop: Annotated[str, Limits(most=20)] = ""
    instead: UUID | None = None
    draft: UUID | None = None
    revision: int | None = None
    seen: int | None = None
    password: Annotated[str, Limits(most=200)] = ""

    @property
    def rulings(self) -> tuple[str, ...]:
        found = (getattr(self, f"ruling{number}") for number in range(1, 9))
        return tuple(line for line in found if line)


def start(request: Request, actor: Actor, chart: Chart) -> Form[Written]:
    """The form to begin with: a draft, an order to renew, a favourite, or nothing."""
    wish = request.query_params
    known = {str(order.id): order for order in (*chart.drafts, *chart.now, *chart.coming, *chart.past)}
    now = clock.local(chart.at, actor.zone)
    chosen = known.get(wish.get("draft", "")) or known.get(wish.get("renew", ""))
    wanted = favourite(wish.get("use", ""))
    typed = {"start": now.strftime(_FORMAT), "allergies": "1", "seen": str(chart.safety.safety_rev)}
    if chosen is not None:
        typed |= _typed_of(chosen, now, actor)
    elif wanted is not None:
        typed |= _levels(wanted.codes, wanted.food, wanted.drink)
        if wanted.hours is not None:
            typed["end"] = (now + timedelta(hours=wanted.hours)).strftime(_FORMAT)
    return forms.empty(Written, **typed)


def changed(form: Form[Written]) -> Form[Written]:
    """Return the form as a button beside a clash changes it: one diet less, or in place of an order."""
    raw = dict(form.raw)
    dropped, instead = raw.pop("drop", ""), raw.pop("instead", "")
    if dropped:
        raw |= {name: "" for name in ("diet", "diet2", "diet3", "diet4", "food") if raw.get(name) == dropped}
    if instead:
        raw["replaces"] = instead
    return forms.convert({name: [text] for name, text in raw.items()}, Written) if dropped or instead else form


def _levels(codes: Iterable[str], food: int | None, drink: int | None) -> dict[str, str]:
    """The diets and both textures as the form's fields."""
    others = [code for code in codes if not code.startswith("IDDSI")]
    texture = "" if food is None else "7" if food == _REGULAR_FOOD else f"IDDSI{food}"
    return {
        **{f"diet{number}": code for number, code in zip(("", "2", "3", "4"), others, strict=False)},
        "food": texture,
        "drink": "" if drink is None else str(drink),
    }


def _typed_of(order: DietOrderRow, now: datetime, actor: Actor) -> dict[str, str]:
    textures = [code for code in order.codes if code.startswith("IDDSI")]
    start, end = max(clock.local(order.start_at, actor.zone), now), order.end_at
    typed = {
        **_levels(order.codes, order.food_level, order.drink_level),
        **({"food": textures[0]} if textures else {}),
        "fluid": _number(order.limits.fluid_ml_day),
        "potassium": _number(order.limits.potassium_mg_meal),
        "reason": order.reason,
        "oedema": {True: "yes", False: "no"}.get(order.limits.has_severe_oedema, ""),  # type: ignore[arg-type]
        "start": start.strftime(_FORMAT),
    }
    if end is not None:
        again = end if order.status == OrderStatus.DRAFT and end > now else start + (end - order.start_at)
        typed["end"] = clock.local(again, actor.zone).strftime(_FORMAT)
    if order.status == OrderStatus.DRAFT:
        typed |= {"draft": str(order.id), "revision": str(order.revision), "replaces": str(order.replaces or "")}
    elif order.status in (OrderStatus.ACTIVE, OrderStatus.ON_HOLD):
        typed["replaces"] = str(order.id)
    return typed


def asked(written: Written, actor: Actor) -> Prescription:
    codes = [written.diet, written.diet2, written.diet3, written.diet4]
    is_level = written.food.isascii() and written.food.isdigit()
    if not is_level:
        codes.append(written.food)
    rulings = [_ruling(line) for line in written.rulings]
    return Prescription(
        codes=tuple(code for code in codes if code),
        start_at=clock.now() if written.start is None else moment(written.start, actor.zone),
        end_at=None if written.end is None else moment(written.end, actor.zone),
        food_level=int(written.food) if is_level else None,
        drink_level=written.drink,
        fluid_ml_day=written.fluid,
        potassium_mg_meal=written.potassium,
        has_severe_oedema={"yes": True, "no": False}.get(written.oedema),
        reason=written.reason,
        replaces=written.replaces,
        rulings=tuple(ruling for ruling in rulings if ruling is not None),
    )


def _ruling(line: str) -> Ruling | None:
    parts = line.split("|")
    if len(parts) != 5 or parts[4] not in (parts[0], parts[1]):
        return None
    low, high, nutrient, scope, prevails = parts
    return ruling_for(Conflict(low, high, nutrient, scope, hard=False), prevails)


def readable(form: Form[Written]) -> Written:
    """What can be understood of a form with mistakes in it."""
    kept = {name: [text] for name, text in form.raw.items() if name not in form.errors}
    return forms.convert(kept, Written).value or Written()


def _number(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount.normalize():f}"
