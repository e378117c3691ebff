"""The meter in dishes: what it says can still be added, can be added."""

from decimal import Decimal

import pytest

from dusangire.diets.rules import TrayLine
from dusangire.kernel.text import LANGUAGES, say
from dusangire.orders.rules import Shelf, State, room
from tests.diets.conftest import Ward
from tests.orders.shelves import Sat, card, patients

HALF = Decimal("0.5")
SEEDS = ["Amina", "Bosco", "Claude"]


@pytest.fixture(scope="module")
def hall() -> Ward:
    return Ward()


def lunch(hall: Ward, *codes: str, on_tray: tuple[tuple[str, str], ...] = (), **facts: object) -> Sat:
    cards = {code: card(dish) for code, dish in hall.dishes.items() if "L" in dish.periods}
    return Sat(str(codes), hall.prepared(hall.patient(*codes, **facts)), cards, hall.tray(*on_tray))


@pytest.mark.req("A11")
@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_meter_says_can_still_be_added_is_taken(hall: Ward, seed: str) -> None:
    said = dict.fromkeys(("adds", "halves", "finishes", "nothing"), 0)
    for sat in patients(hall, seed, 80):
        found = sat.room()
        for one in found.adds:
            portion = HALF if one.is_half else Decimal(1)
            assert sat.may_join(TrayLine(one.card.code, portion)), (sat.said, one.card.code)
            said["halves" if one.is_half else "adds"] += 1
        for one in found.finishes:
            assert sat.could_be_ordered((*sat.lines, TrayLine(one.code))), (sat.said, one.code)
            said["finishes"] += 1
        if not found.adds and not found.finishes:
            said["nothing"] += 1
            whole = [code for code in sat.cards if sat.may_join(TrayLine(code))]
            on_tray = {line.dish for line in sat.lines}
            assert not set(whole) - on_tray, (sat.said, whole)
    assert said["adds"] > 40
    assert said["finishes"] > 10


@pytest.mark.req("A11")
def test_a_sentence_made_for_the_tray_before_the_tap_would_be_untrue(hall: Ward) -> None:
    """Negative control: what fits an empty tray does not fit the one that is there."""
    untrue = 0
    for sat in patients(hall, "Amina", 80):
        before = Sat(sat.said, sat.prepared, sat.cards, ()).room()
        untrue += sum(not one.is_half and not sat.may_join(TrayLine(one.card.code)) for one in before.adds)
    assert untrue > 5


@pytest.mark.req("A11")
def test_a_diabetic_with_rice_on_the_tray_is_told_what_completes_the_meal_and_a_full_one_what_still_fits(
    hall: Ward,
) -> None:
    short = lunch(hall, "CCHO60", on_tray=(("POT-BLD", "1"),))
    assert [one.code for one in short.room().finishes]
    assert not short.room().adds
    done = lunch(hall, "CCHO60", on_tray=(("POT-BLD", "1"), ("APS", "0.5")))
    assert done.could_be_ordered(done.lines)
    kinds = [one.card.category for one in done.room().adds]
    assert kinds
    assert kinds[0] not in ("starch", "fruit")
    assert not done.room().finishes


@pytest.mark.req("A11")
def test_where_only_half_a_portion_fits_it_says_half(hall: Ward) -> None:
    sat = lunch(hall, "CCHO60", on_tray=(("RICE", "1"),))
    whole = sat.shelf()
    halves_only = Shelf(suits=tuple(offer for offer in whole.suits if offer.state is not State.FITS), off=whole.off)
    found = room(halves_only, sat.lines, lambda lines: True)
    assert found.adds
    assert all(one.is_half for one in found.adds)
    assert "fruit" in {one.card.category for one in found.adds}


def test_every_kind_of_food_has_its_words(hall: Ward) -> None:
    for category in {dish.category for dish in hall.dishes.values()}:
        for size in ("one", "half"):
            said = {say(language, f"order.{size}.{category}") for language in LANGUAGES}
            assert len(said) == len(LANGUAGES), category
