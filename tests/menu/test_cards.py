"""Cards: portions, search, pictures, completeness."""

from decimal import Decimal as D

import pytest

from dusangire.kernel.ids import uuid7
from dusangire.kernel.money import Money
from dusangire.menu.rules import (
    Card,
    Declaration,
    Nutrients,
    completeness,
    matches,
    picture,
    portion_nutrients,
    portion_price,
    simplified,
)


def card(en="Finger-millet porridge, sweetened", fr="Bouillie d’éleusine sucrée", rw="Igikoma cy'uburo") -> Card:
    return Card(
        id=uuid7(), code="IGK-URO", name_en=en, name_fr=fr, name_rw=rw, category="porridge",
        meals=frozenset({"breakfast"}), price=Money(400), serving_g=D(315), allergens=frozenset(),
        may_contain=frozenset(), tags=frozenset(), kcal=D(194), nutrients=Nutrients(), declaration=Declaration.CURRENT,
        completeness=100, gaps=(), data_quality="approximate", validated_by=None, is_available=True, recipe_rev=1,
        picture="/static/dishes/dish.svg",
    )  # fmt: skip


@pytest.mark.req("C3")
@pytest.mark.parametrize(
    "typed",
    [
        "porridge",
        "PORRIDGE",
        "eleusine",
        "Éleusine",
        "uburo",
        "igikoma uburo",
        "sucree",
        "bouillie",
        "",
        "cyuburo",
        "igk-uro",
    ],
)
def test_a_dish_is_found_in_three_languages_without_accents_or_case(typed):
    assert matches(card(), typed)


@pytest.mark.req("C3")
@pytest.mark.parametrize("typed", ["rice", "uburo rice", "zzz"])
def test_every_word_typed_must_be_there(typed):
    assert not matches(card(), typed)


@pytest.mark.req("C3")
def test_ligatures_are_typed_as_two_letters():
    assert simplified("Œufs brouillés") == "oeufs brouilles"


@pytest.mark.req("B5")
@pytest.mark.parametrize(
    ("price", "portion", "due"),
    [(400, "0.5", 200), (351, "0.5", 176), (351, "1", 351), (351, "1.5", 527), (1, "0.5", 1), (0, "1.5", 0)],
)
def test_a_portion_is_priced_up_to_a_whole_franc(price, portion, due):
    assert portion_price(Money(price), D(portion)) == Money(due)


@pytest.mark.req("B5")
def test_half_a_potato_counts_half_its_carbohydrate_exactly():
    whole = Nutrients(carb_g=D("43.335"), kcal=D("190.01"))
    half = portion_nutrients(whole, D("0.5"))
    assert (half.carb_g, half.kcal, half.potassium_mg) == (D("21.6675"), D("95.005"), None)


@pytest.mark.req("B5")
@pytest.mark.parametrize("portion", ["0", "0.25", "2", "-1"])
def test_other_portions_are_not_served(portion):
    with pytest.raises(ValueError, match="portion"):
        portion_price(Money(100), D(portion))
    with pytest.raises(ValueError, match="portion"):
        portion_nutrients(Nutrients(), D(portion))


@pytest.mark.req("B10")
@pytest.mark.parametrize(
    ("code", "category", "path"),
    [
        ("PAP", "fruit", "dishes/pap.svg"),
        ("NEW", "fruit", "dishes/cat-fruit.svg"),
        ("NEW", "nothing", "dishes/dish.svg"),
    ],
)
def test_every_dish_has_a_picture(code, category, path):
    assert picture(code, category, {"dishes/pap.svg", "dishes/cat-fruit.svg", "dishes/dish.svg"}) == path


@pytest.mark.req("B2")
def test_completeness_counts_each_nutrient_and_the_declaration():
    known = Nutrients(**dict.fromkeys(Nutrients.__struct_fields__, D(1)))
    assert completeness(known, Declaration.CURRENT) == 100
    assert completeness(known, Declaration.STALE) == 92
    assert completeness(Nutrients(), Declaration.MISSING) == 0
