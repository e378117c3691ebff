"""The meter as it is drawn: a sentence first, and a bar whose numbers the template only writes down."""

from decimal import Decimal

from msgspec import Struct

from dusangire.diets.rules import Meter
from dusangire.kernel.phrase import Named, Phrase

from .why import nutrient_key, unit_key

_WIDTH = Decimal(320)
_ROOM_AT_END = Decimal("1.25")


class Tick(Struct, frozen=True):
    """One end of the limit on the bar."""

    x: str
    label: Phrase
    anchor: str


class Bar(Struct, frozen=True):
    """One meter in words and in the units of a drawing 320 wide."""

    amount: Phrase
    nutrient: Phrase
    state: Phrase
    tone: str
    icon: str
    room: Phrase | None
    spoken: Phrase
    fill: str
    band_x: str
    band_width: str
    ticks: tuple[Tick, ...]
    is_day: bool


def bar(meter: Meter) -> Bar:
    """Return how one meter is drawn and said."""
    span = _span(meter)
    low, high = meter.least or Decimal(0), meter.most if meter.most is not None else span
    unit = Phrase(unit_key(meter.unit))
    name = Phrase(nutrient_key(meter.nutrient))
    return Bar(
        amount=Phrase("order.meter.amount", {"value": _shown(meter.chosen), "unit": unit}),
        nutrient=name,
        state=_state(meter, unit),
        tone="look" if meter.is_over or meter.has_gap else "",
        icon=_icon(meter),
        room=_room(meter, unit),
        spoken=_spoken(meter, unit, name),
        fill=_x(min(meter.chosen, span), span),
        band_x=_x(low, span),
        band_width=_x(high - low, span),
        ticks=_ticks(meter, span, unit),
        is_day=meter.scope == "day",
    )


def _icon(meter: Meter) -> str:
    """Return the sign beside the sentence: too much, more to come, or right."""
    if meter.is_over or meter.has_gap:
        return "alert"
    return "plus" if meter.missing > 0 else "check"


def _span(meter: Meter) -> Decimal:
    top = max(meter.most or Decimal(0), meter.least or Decimal(0), Decimal(1))
    return top * _ROOM_AT_END


def _state(meter: Meter, unit: Phrase) -> Phrase:
    if meter.has_gap:
        return Phrase("order.meter.gap")
    if meter.is_over and meter.most is not None:
        return Phrase("order.meter.over", {"value": _shown(meter.chosen - meter.most), "unit": unit})
    if meter.missing > 0:
        return Phrase("order.meter.low", {"value": _shown(meter.missing), "unit": unit})
    if meter.room_left is not None and meter.room_left == 0:
        return Phrase("order.meter.full")
    return Phrase("order.meter.right" if meter.least else "order.meter.within")


def _room(meter: Meter, unit: Phrase) -> Phrase | None:
    if meter.room_left is None or meter.has_gap:
        return None
    if meter.room_left == 0:
        return Phrase("order.meter.no_room")
    return Phrase("order.meter.room", {"value": _shown(meter.room_left), "unit": unit})


def _spoken(meter: Meter, unit: Phrase, name: Phrase) -> Phrase:
    facts: dict[str, Phrase | Named | str | int] = {"value": _shown(meter.chosen), "unit": unit, "nutrient": name}
    if meter.least and meter.most is not None:
        return Phrase("order.meter.between", facts | {"from": _shown(meter.least), "to": _shown(meter.most)})
    if meter.most is not None:
        return Phrase("order.meter.at_most", facts | {"to": _shown(meter.most)})
    return Phrase("order.meter.at_least", facts | {"from": _shown(meter.least or Decimal(0))})


def _ticks(meter: Meter, span: Decimal, unit: Phrase) -> tuple[Tick, ...]:
    ends = []
    if meter.least:
        label = Phrase("order.meter.least", {"value": _shown(meter.least), "unit": unit})
        ends.append(Tick(_x(meter.least, span), label, "end" if meter.most else "middle"))
    if meter.most is not None:
        label = Phrase("order.meter.most", {"value": _shown(meter.most), "unit": unit})
        ends.append(Tick(_x(meter.most, span), label, "start" if meter.least else "middle"))
    return tuple(ends)


def _x(amount: Decimal, span: Decimal) -> str:
    return f"{float(amount / span * _WIDTH):.0f}"


def _shown(value: Decimal) -> str:
    rounded = round(value, 1) if value < 100 else round(value)
    return f"{Decimal(rounded).normalize():,f}" if rounded else "0"


def main_nutrient(meters: list[Meter]) -> str:
    """Return the nutrient that matters most to this diet, to be told with each dish; carbohydrate where none does."""
    return next((meter.nutrient for meter in meters if meter.nutrient not in ("kcal", "feeds")), "carb_g")
