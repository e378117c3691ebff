"""Free words that name what somebody may be allergic to, in English, French and Kinyarwanda.

Nothing here decides what a person meant: it only notices that a thing was named, so that somebody asks.
"""

import unicodedata
from collections.abc import Iterable, Mapping

from msgspec import Struct

# How people name each group besides its own name and its members. They wait for two native clinicians.
SAID: Mapping[str, frozenset[str]] = {
    "gluten": frozenset({"gluten", "wheat", "bread", "pasta", "blé", "pain", "pâtes", "seigle", "orge", "avoine",
                         "ingano", "ngano", "umugati", "imigati", "mugati", "migati", "makaroni"}),
    "crustaceans": frozenset({"crustacean", "shellfish", "crustacé", "crevette", "crabe", "écrevisse", "homard"}),
    "eggs": frozenset({"egg", "œuf", "oeuf", "omelette", "mayonnaise", "amagi", "magi", "igi"}),
    "fish": frozenset({"fish", "poisson", "amafi", "mafi", "ifi", "fi", "indagara", "ndagara", "sambaza", "tilapia"}),
    "peanuts": frozenset({"peanut", "groundnut", "arachide", "cacahuète", "ubunyobwa", "bunyobwa", "nut"}),
    "soya": frozenset({"soya", "soy", "soja", "sosoma", "tofu"}),
    "milk": frozenset({"milk", "dairy", "cheese", "butter", "yoghurt", "yogurt", "cream", "lactose", "lait",
                       "fromage", "beurre", "crème", "yaourt", "laitier",
                       "amata", "mata", "ikivuguto", "kivuguto", "foromaje"}),
    "nuts": frozenset({"nut", "almond", "cashew", "hazelnut", "walnut", "pistachio", "amande", "noisette", "noix",
                       "cajou", "pistache", "fruits à coque", "utubuto", "tubuto"}),
    "celery": frozenset({"celery", "céleri", "seleri"}),
    "mustard": frozenset({"mustard", "moutarde", "mutaride", "mutarde"}),
    "sesame": frozenset({"sesame", "sésame", "sezame", "simsim", "tahini"}),
    "sulphites": frozenset({"sulphite", "sulfite", "sulufite"}),
    "lupin": frozenset({"lupin", "lupine", "lupini"}),
    "molluscs": frozenset({"mollusc", "mussel", "squid", "snail", "oyster", "mollusque", "moule", "calmar",
                           "escargot", "huître", "ibinyamujonjorerwa", "igifwera"}),
}  # fmt: skip

# Words of an allergy. With one of them an ingredient that is no allergen is asked about too, and even a food we do
# not know; without one, "no onions" is a dislike, and the nutritionist reads it as every special request.
_ALLERGIC = frozenset({
    "allergic", "allergy", "allergies", "intolerant", "intolerance", "anaphylaxis",
    "allergique", "allergiques", "allergie", "intolérant", "intolérante", "intolérance",
    "aleriji", "bingwa", "bigwa", "bibagwa",
})  # fmt: skip
_LONGEST = 5


class Term(Struct, frozen=True):
    """One thing that was named: an allergen's group or an ingredient, and the very words that named it."""

    code: str
    is_group: bool
    said: tuple[str, ...] = ()


class Terms(Struct, frozen=True):
    """The words to look for, folded: of allergens with their groups, and the names of other ingredients."""

    allergens: Mapping[tuple[str, ...], frozenset[str]]
    ingredients: Mapping[tuple[str, ...], str]


def terms(groups: Mapping[str, frozenset[str]], ingredients: Iterable[str]) -> Terms:
    """Return the words of a hospital: its groups with their members, how people say them, and its ingredients."""
    allergens: dict[tuple[str, ...], set[str]] = {}
    for group, members in groups.items():
        for name in {group, *members, *SAID.get(group, ())}:
            allergens.setdefault(_folded(name), set()).add(group)
    others = {_folded(name.split("(")[0].split(",")[0]): name for name in ingredients}
    return Terms(
        {words: frozenset(found) for words, found in allergens.items()},
        {words: name for words, name in others.items() if words and words not in allergens},
    )


def named(text: str, known: Terms) -> tuple[Term, ...]:
    """Return what a text names, each once: every allergen, and an ingredient where it speaks of an allergy.

    The longest words win: "peanut butter" names peanuts and not butter. Words of an allergy to nothing we know return
    a term without a code.
    """
    words = _folded(text)
    is_allergy = bool(_ALLERGIC_FOLDED & set(words))
    found: dict[Term, None] = {}
    at = 0
    while at < len(words):
        length, here = _longest(words, at, known)
        for term in here:
            if term.is_group or is_allergy:
                found[term] = None
        at += length
    return tuple(found) or ((Term("", False),) if is_allergy else ())


def unrecorded(
    found: Iterable[Term], recorded: Iterable[str], groups: Mapping[str, frozenset[str]]
) -> tuple[Term, ...]:
    """Return what was named and no recorded allergy speaks of: a group covers its members, a member only itself."""
    known = {_folded(code) for code in recorded}
    covered = {group for group in groups if _folded(group) in known}
    return tuple(term for term in found if term.code not in covered and not known & {_folded(term.code), term.said})


def _longest(words: tuple[str, ...], at: int, known: Terms) -> tuple[int, list[Term]]:
    for length in range(min(_LONGEST, len(words) - at), 0, -1):
        part = words[at : at + length]
        if part in known.allergens:
            return length, [Term(group, True, part) for group in sorted(known.allergens[part])]
        if part in known.ingredients:
            return length, [Term(known.ingredients[part], False, part)]
    return 1, []


def _folded(text: str) -> tuple[str, ...]:
    """Return the words without accents, case, marks and the plural's s."""
    plain = unicodedata.normalize("NFD", text.lower().replace("œ", "oe").replace("_", " ").replace("'", " "))
    letters = "".join(one if one.isalnum() else " " for one in plain if not unicodedata.combining(one))
    return tuple(_singular(word) for word in letters.split())


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


_ALLERGIC_FOLDED = frozenset(word for said in _ALLERGIC for word in _folded(said))
