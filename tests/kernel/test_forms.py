from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import pytest
from msgspec import Struct

from dusangire.kernel.forms import Limits, convert


class Texture(StrEnum):
    SOFT = "soft"


class Line(Struct, frozen=True):
    dish: UUID
    quantity: Annotated[int, Limits(least=1, most=20)]
    weight: Annotated[Decimal | None, Limits(least=0, most=400)] = None
    texture: Texture | None = None
    day: date | None = None
    note: Annotated[str, Limits(most=10)] = ""
    codes: list[str] = []
    rush: bool = False


DISH = "018f0000-0000-7000-8000-000000000001"


def test_a_good_form_becomes_a_struct():
    form = convert(
        {
            "dish": [DISH],
            "quantity": ["2"],
            "weight": ["6,5"],
            "texture": ["soft"],
            "codes": ["A", "B"],
            "rush": ["on"],
        },
        Line,
    )
    assert form.value == Line(UUID(DISH), 2, Decimal("6.5"), Texture.SOFT, codes=["A", "B"], rush=True)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("0", "form.number_bad"), ("-1", "form.number_bad"), ("1.5", "form.whole_number"), ("abc", "form.whole_number"),
        (str(2**31), "form.whole_number"), ("", "form.required"), ("٣", "form.whole_number"), ("1e3", "form.whole_number"),
    ],
)  # fmt: skip
def test_a_quantity_that_is_none_is_refused(typed, key):
    form = convert({"dish": [DISH], "quantity": [typed]}, Line)
    assert form.value is None
    assert form.errors["quantity"].key == key
    assert form.typed("quantity") == typed


def test_every_error_shows_at_once_and_nothing_typed_is_lost():
    form = convert({"dish": ["x"], "quantity": ["abc"], "day": ["31/02"], "note": ["a" * 11]}, Line)
    assert set(form.errors) == {"dish", "quantity", "day", "note"}
    assert form.raw["note"] == "a" * 11


def test_control_characters_are_left_out_and_names_keep_their_letters():
    form = convert({"dish": [DISH], "quantity": ["1"], "note": ["a\x00b 🥣"]}, Line)
    assert form.value is not None
    assert form.value.note == "ab 🥣"


def test_numbers_that_are_not_finite_are_refused():
    for typed in ("NaN", "Infinity", "1e400"):
        assert (
            convert({"dish": [DISH], "quantity": ["1"], "weight": [typed]}, Line).errors["weight"].key == "form.number"
        )
