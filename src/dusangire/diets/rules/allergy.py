"""Allergies: what a dish may not contain for one patient."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from msgspec import Struct

from dusangire.menu.rules import Declaration, DishFacts

from .facts import Allergy, AllergyStatus, Kind, PatientFacts, Reason, Severity

GROUPS: Mapping[str, frozenset[str]] = {
    "gluten": frozenset(
        {
            "wheat",
            "barley",
            "rye",
            "oats",
            "oat",
            "spelt",
            "kamut",
            "durum",
            "semolina",
            "couscous",
            "bulgur",
            "malt",
            "triticale",
            "seitan",
            "bread",
            "pasta",
        }
    ),
    "crustaceans": frozenset({"shrimp", "prawn", "crab", "lobster", "crayfish", "krill", "langoustine"}),
    "eggs": frozenset({"egg", "egg white", "egg yolk", "albumin", "ovalbumin", "lysozyme", "mayonnaise"}),
    "fish": frozenset(
        {
            "tilapia",
            "sambaza",
            "indagara",
            "nile perch",
            "catfish",
            "sardine",
            "anchovy",
            "cod",
            "salmon",
            "tuna",
            "mackerel",
            "haddock",
            "trout",
            "dagaa",
            "omena",
        }
    ),
    "peanuts": frozenset({"peanut", "groundnut", "ubunyobwa", "arachide", "peanut butter", "peanut oil"}),
    "soya": frozenset({"soy", "soybean", "soya flour", "tofu", "edamame", "soya lecithin", "tempeh", "miso"}),
    "milk": frozenset(
        {
            "whey",
            "casein",
            "caseinate",
            "lactose",
            "lactalbumin",
            "lactoglobulin",
            "butter",
            "ghee",
            "cream",
            "cheese",
            "yoghurt",
            "yogurt",
            "ikivuguto",
            "whole milk",
            "skim milk powder",
            "milk protein",
            "cow milk",
            "goat milk",
        }
    ),
    "nuts": frozenset(
        {"almond", "hazelnut", "walnut", "cashew", "pecan", "brazil nut", "pistachio", "macadamia", "tree nut"}
    ),
    "celery": frozenset({"celeriac", "celery leaf", "celery seed", "celery salt"}),
    "mustard": frozenset({"mustard seed", "mustard oil", "mustard leaf"}),
    "sesame": frozenset({"sesame seed", "sesame oil", "tahini", "simsim"}),
    "sulphites": frozenset({"sulphite", "sulfite", "sulphur dioxide", "sulfur dioxide", "metabisulphite"}),
    "lupin": frozenset({"lupin flour", "lupin seed", "lupine"}),
    "molluscs": frozenset({"mussel", "oyster", "squid", "octopus", "snail", "clam", "scallop", "cuttlefish"}),
}
"""Each EU-14 group with members an allergy is recorded by. Source: Regulation (EU) 1169/2011, Annex II; the members
are common foods and proteins of each group and wait for a nutritionist's sign-off."""

_SEVERITIES = frozenset(Severity)
_ON_CROSS_CONTACT: dict[str, Kind] = {Severity.MODERATE: Kind.ASK, Severity.INTOLERANCE: Kind.ADVICE}


class Avoided(Struct, frozen=True):
    """One allergy made ready to match: `names` meet declared codes, `words` (when any) the names of ingredients.

    `needs_recipe`: only an ingredient list can tell, no declaration covers it.
    """

    code: str
    names: frozenset[str]
    words: frozenset[str]
    needs_recipe: bool
    severity: str

    @property
    def on_trace(self) -> Kind:
        """What "may contain" does: only an intolerance lets it through, with an ask."""
        return Kind.ASK if self.severity == Severity.INTOLERANCE else Kind.BLOCK

    @property
    def on_cross_contact(self) -> Kind:
        """What another dish of the same kitchen line does: a severity nobody knows is taken for a severe one."""
        return _ON_CROSS_CONTACT.get(self.severity, Kind.BLOCK)


def avoided(
    allergies: Iterable[Allergy], groups: Mapping[str, frozenset[str]], ingredients: Iterable[str]
) -> tuple[tuple[Avoided, ...], tuple[Reason, ...]]:
    """Return what the patient avoids, and a reason for each allergy that cannot be coded or weighed.

    `ingredients` is every ingredient name the kitchen knows: what is neither an allergen nor one of these is uncoded.
    """
    vocabulary = [_words(name) for name in ingredients]
    found: list[Avoided] = []
    unsure: list[Reason] = []
    for allergy in allergies:
        if allergy.severity not in _SEVERITIES:
            unsure.append(_unsure("unknown_severity", allergy.severity))
        match = _avoided(allergy, groups, vocabulary)
        if match is None:
            unsure.append(_unsure("uncoded", allergy.code))
        else:
            found.append(match)
    return tuple(found), tuple(unsure)


def unsettled(patient: PatientFacts) -> list[Reason]:
    """Return why the patient's allergies are not known well enough to serve anybody anything."""
    found: list[Reason] = []
    if patient.allergy_status == AllergyStatus.NOT_ASKED:
        found.append(_unsure("not_asked", ""))
    elif patient.allergy_status == AllergyStatus.NONE_KNOWN:
        if patient.allergies:
            found.append(_unsure("none_known_with_rows", ""))
    elif patient.allergy_status == AllergyStatus.RECORDED:
        if not patient.allergies and not patient.uncoded_free_text:
            found.append(_unsure("recorded_without_rows", ""))
    else:
        found.append(_unsure("unknown_status", patient.allergy_status))
    if patient.uncoded_free_text:
        found.append(_unsure("uncoded", "free_text"))
    return found


def declaration(dish: DishFacts) -> list[Reason]:
    """Return the reason a dish is UNKNOWN for everybody: undeclared, or not since its recipe changed."""
    if dish.declaration is Declaration.CURRENT:
        return []
    return [Reason(Kind.UNKNOWN, "DISH", "declaration", dish.code, "item", dish=dish.code)]


def reactions(dish: DishFacts, avoids: Iterable[Avoided]) -> list[Reason]:
    """Return what in one dish the patient reacts to.

    Contained blocks at every severity, "may contain" all but an intolerance, what the kitchen line carries over where
    it can kill or is severe; a moderate allergy asks for separate preparation and an intolerance is told.
    """
    found: list[Reason] = []
    for allergy in avoids:
        if _contains(dish, allergy):
            found.append(_about(dish, Kind.BLOCK, "contains", allergy.code))
        else:
            if allergy.names & dish.may_contain:
                found.append(_about(dish, allergy.on_trace, "may_contain", allergy.code))
            if allergy.needs_recipe and dish.ingredients is None:
                found.append(_about(dish, Kind.UNKNOWN, "no_recipe", dish.code))
            found += _carried_over(dish, allergy)
    return found


def to_separate(dish: DishFacts, allergies: Iterable[Allergy], groups: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Return the allergies for which the dish must be made apart from its kitchen line; an intolerance needs it not."""
    avoids, _ = avoided(allergies, groups, dish.cross_ingredients | frozenset(dish.ingredients or ()))
    return tuple(
        one.code
        for one in avoids
        if one.severity != Severity.INTOLERANCE and not _contains(dish, one) and _is_carried_over(dish, one)
    )


def _contains(dish: DishFacts, allergy: Avoided) -> bool:
    return bool(allergy.names & dish.allergens) or _is_in(allergy.words, dish.ingredients)


def _is_carried_over(dish: DishFacts, allergy: Avoided) -> bool:
    return bool(allergy.names & dish.cross_contact) or _is_in(allergy.words, dish.cross_ingredients)


def _carried_over(dish: DishFacts, allergy: Avoided) -> list[Reason]:
    if _is_carried_over(dish, allergy):
        return [_about(dish, allergy.on_cross_contact, "cross_contact", allergy.code)]
    if allergy.needs_recipe and dish.has_cross_label:
        return [_about(dish, Kind.ASK, "cross_contact_unlisted", allergy.code)]
    return []


def family(code: str, groups: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return every declared code that speaks of this one: a group with its members, a member with its groups."""
    name = _plain(code)
    if name in groups:
        return groups[name] | {name}
    above = {group for group, members in groups.items() if any(_words(member) == _words(name) for member in members)}
    spellings = {member for group in above for member in groups[group] if _words(member) == _words(name)}
    return frozenset(above | spellings | {name, code})


def _avoided(
    allergy: Allergy, groups: Mapping[str, frozenset[str]], vocabulary: list[frozenset[str]]
) -> Avoided | None:
    name = _plain(allergy.code)
    names = family(name, groups)
    words = _words(name)
    is_declared = any(group in names for group in groups)
    is_ingredient = bool(words) and any(words <= item for item in vocabulary)
    if not is_declared and not is_ingredient:
        return None
    return Avoided(
        code=allergy.code,
        names=names | {allergy.code},
        words=words if is_ingredient and name not in groups else frozenset(),
        needs_recipe=not is_declared,
        severity=allergy.severity,
    )


def _is_in(words: frozenset[str], ingredients: Iterable[str] | None) -> bool:
    return bool(words) and any(words <= _words(name) for name in ingredients or ())


def _plain(code: str) -> str:
    return code.strip().lower().replace("_", " ").removeprefix("ingredient:").strip()


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    cleaned = "".join(letter if letter.isalnum() else " " for letter in text.lower())
    return frozenset(_singular(word) for word in cleaned.split())


def _singular(word: str) -> str:
    if word.endswith("oes"):
        return word[:-2]
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def _unsure(rule: str, subject: str) -> Reason:
    return Reason(Kind.UNKNOWN, "ALLERGY", rule, subject, "order")


def _about(dish: DishFacts, kind: Kind, rule: str, subject: str) -> Reason:
    return Reason(kind, "ALLERGY", rule, subject, "item", dish=dish.code)
