"""Why not: every dish that is not for this patient says which rule, with its numbers, and names a swap that passes."""

from decimal import Decimal

import pytest

from dusangire.diets.rules import Kind, TrayLine
from dusangire.kernel.text import LANGUAGES, say
from dusangire.menu.rules import Card
from dusangire.orders.rules import Offer, State, Why
from tests.diets.conftest import Ward
from tests.orders.shelves import Sat, patients

HALF = Decimal("0.5")
SEEDS = ["ward A", "ward B", "ward C", "ward D"]


@pytest.fixture(scope="module")
def hall() -> Ward:
    return Ward()


def words(told: Why, language: str = "en") -> str:
    return " ".join(say(language, one.key, **one.facts) for one in (told.what, told.why, told.then, told.by))


@pytest.mark.req("A15", "A2")
@pytest.mark.parametrize("seed", SEEDS)
def test_every_dish_that_is_not_offered_has_its_rule_in_words_and_a_swap_that_passes(hall: Ward, seed: str) -> None:
    blocked = 0
    for sat in patients(hall, seed, 60):
        found = sat.shelf()
        for offer in found.off:
            blocked += 1
            assert offer.why is not None, (sat.said, offer.card.code)
            assert offer.why.rule.count(".") >= 1
            if offer.swap is None:
                assert not [one for one in found.suits if one.state is State.FITS], sat.said
            else:
                assert sat.may_join(TrayLine(offer.swap.code)), (sat.said, offer.card.code, offer.swap.code)
            if offer.half_passes:
                assert sat.may_join(TrayLine(offer.card.code, HALF)), (sat.said, offer.card.code)
    assert blocked > 500


@pytest.mark.req("A15")
def test_without_judging_beside_the_tray_the_same_swaps_would_not_pass(hall: Ward) -> None:
    """Negative control: swaps chosen for an empty tray break the limits of the one that is there."""
    broken = 0
    for sat in patients(hall, "ward A", 60):
        blind = Sat(sat.said, sat.prepared, sat.cards, ())
        broken += sum(
            offer.swap is not None and not sat.may_join(TrayLine(offer.swap.code)) for offer in blind.shelf().off
        )
    assert broken > 20


@pytest.mark.req("A15")
def test_the_swap_is_the_nearest_that_passes(hall: Ward) -> None:
    for sat in patients(hall, "nearest", 40):
        found = sat.shelf()
        passing = [one.card for one in found.suits if one.state is State.FITS]
        for offer in found.off:
            if offer.swap is not None:
                assert not [one for one in passing if _far(offer, one) < _far(offer, offer.swap)], offer.card.code


def _far(offer: Offer, card: Card) -> tuple[bool, Decimal]:
    assert offer.card.kcal is not None
    assert card.kcal is not None
    return card.category != offer.card.category, abs(offer.card.kcal - card.kcal)


@pytest.mark.req("A15", "P4")
def test_a_rule_with_numbers_tells_both_in_every_language(hall: Ward) -> None:
    seen = 0
    for sat in patients(hall, "numbers", 60):
        for offer in sat.shelf().off:
            assert offer.why is not None
            if offer.why.rule.split(".")[1] == "limit":
                seen += 1
                value, limit = (str(offer.why.why.facts[name]) for name in ("value", "limit"))
                for language in LANGUAGES:
                    said = words(offer.why, language)
                    assert value in said
                    assert limit in said
                    assert "{" not in said
    assert seen > 50


@pytest.mark.req("A15")
def test_the_rule_that_harms_is_told_before_any_other(hall: Ward) -> None:
    for sat in patients(hall, "harm", 60):
        for offer in sat.shelf().off:
            alone = sat.prepared.item(offer.card.code, Decimal(1))
            if any(one.source == "ALLERGY" and one.kind is Kind.BLOCK for one in alone):
                assert offer.why is not None
                assert offer.why.is_harm, (sat.said, offer.card.code)
