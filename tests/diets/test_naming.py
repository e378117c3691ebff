"""Free words that name what somebody may be allergic to, in three languages. Pure."""

import pytest

from dusangire.diets import queries
from dusangire.diets.rules import GROUPS
from dusangire.diets.rules.naming import SAID, named, terms, unrecorded
from dusangire.kernel import text

KNOWN = terms(GROUPS, queries.starter_manual().ingredients)


def codes(words: str) -> list[str]:
    return sorted(term.code for term in named(words, KNOWN))


@pytest.mark.req("A7")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("No nuts please", ["nuts", "peanuts"]),
        ("sans arachides svp", ["peanuts"]),
        ("Ntimushyiremo ubunyobwa", ["peanuts"]),
        ("nta mafi", ["fish"]),
        ("pas d'œufs", ["eggs"]),
        ("PAS DE LAIT", ["milk"]),
        ("Nta mata, murakoze", ["milk"]),
        ("no peanut butter", ["peanuts"]),
        ("allergique au blé", ["gluten"]),
        ("a bit more cheese", ["milk"]),
        ("without onions", []),
        ("allergic to onions", ["onion"]),
        ("je suis allergique aux fraises", [""]),
        ("no fish, no egg", ["eggs", "fish"]),
        ("soft rice, please", []),
        ("not too hot", []),
        ("bring it after the doctor's round", []),
        ("a few more beans", []),
        ("no salt, no sugar", []),
        ("", []),
    ],
)
def test_a_wish_is_read_for_what_it_names(words, expected):
    assert codes(words) == expected


@pytest.mark.req("A7", "P1")
@pytest.mark.parametrize("group", sorted(GROUPS))
@pytest.mark.parametrize("language", ["en", "fr", "rw"])
def test_each_group_is_noticed_by_its_short_name_in_each_language(group, language):
    said = text.say(language, f"diets.allergen.{group}")
    if (group, language) != ("crustaceans", "rw"):  # a whole description and no word that anybody would write
        assert group in codes(said), said


@pytest.mark.req("A7")
@pytest.mark.parametrize("group", sorted(GROUPS))
def test_each_member_of_a_group_names_its_group(group):
    assert [member for member in GROUPS[group] if group not in codes(f"no {member}")] == []
    assert SAID[group]


@pytest.mark.req("A7")
@pytest.mark.parametrize(
    ("words", "recorded", "new"),
    [
        ("no milk please", ["milk"], []),
        ("no cheese please", ["milk"], []),
        ("no cashew please", ["cashew"], []),
        ("no cashew please", ["nuts"], []),
        ("no nuts please", ["cashew"], ["nuts", "peanuts"]),
        ("no nuts please", ["peanuts"], ["nuts"]),
        ("allergic to onion", ["onion"], []),
        ("allergic to onion", [], ["onion"]),
        ("no fish", [], ["fish"]),
    ],
)
def test_what_is_recorded_is_no_news(words, recorded, new):
    assert sorted(term.code for term in unrecorded(named(words, KNOWN), recorded, GROUPS)) == new
