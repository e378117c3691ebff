"""Why not: each reason of a verdict in words, as what it is, why it is so, and what to do next."""

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct

from dusangire.diets.rules import Bound, Kind, Reason, Verdict
from dusangire.kernel.phrase import Named, Phrase

_NUTRIENTS = {
    "carb_g": "carb", "sugar_g": "sugars", "added_sugar_g": "sugar", "protein_g": "protein", "fat_g": "fat",
    "satfat_g": "satfat", "sodium_mg": "sodium", "potassium_mg": "potassium", "phosphorus_mg": "phosphorus",
    "fibre_g": "fibre", "kcal": "energy", "fluid_ml": "fluid", "protein_g_per_kg": "protein",
    "kcal_per_kg": "energy", "ml_per_kg": "fluid", "feeds": "feeds",
}  # fmt: skip
_UNITS = frozenset({"g", "mg", "ml", "kcal"})
_MEAT = frozenset({"vegetarian", "vegan"})
_HALAL = frozenset({"halal", "pork"})
_TAGS = frozenset({
    "clear_liquid", "full_liquid", "low_residue", "high_vitamin_k", "lactose", "vegetarian", "vegan", "pork",
    "raw_produce", "halal",
})  # fmt: skip
_ASK_NURSE = Phrase("order.next.nurse")
_CHOOSE_OTHER = Phrase("order.next.other")


class Why(Struct, frozen=True):
    """One reason in words: `what` in a few, `why` in a sentence, `then` what to do next. `rule` is for the record.

    `by` says whose rule it is: the patient's allergies, a diet by name, what is known of the dish. `is_harm` is true
    for allergies and nothing by mouth, which alone are shown in red.
    """

    what: Phrase
    why: Phrase
    then: Phrase
    rule: str
    by: Phrase = Phrase("order.by.hospital")
    is_harm: bool = False

    @property
    def whole(self) -> Phrase:
        """All three sentences as one."""
        return Phrase("order.why", {"why": self.why, "then": self.then})


def why(reason: Reason, dish: Named | None = None) -> Why:
    """Return the words of one reason. `dish` is the dish at fault; without one the sentence speaks of this dish."""
    told = _SOURCES.get(reason.source, _diet)(reason, dish or _THIS)
    rule = ".".join(part for part in reason.key() if part)
    return Why(told.what, told.why, told.then, rule, _by(reason), told.is_harm)


def first(verdict: Verdict, named: Callable[[str], Named | None]) -> Why:
    """Return the words of the reason that matters most: what harms, then what is broken, then what is not known.

    `named` finds a dish's names by its code. Raises IndexError for a verdict that allows.
    """
    reason = sorted(verdict.reasons, key=_weight)[0]
    return why(reason, named(reason.dish) if reason.dish else None)


TOO_OLD = Why(Phrase("order.what.too_old"), Phrase("order.why.too_old"), Phrase("order.next.remake"), "too_old")


def nutrient_key(nutrient: str) -> str:
    """Return the catalogue's key of a nutrient's name."""
    return f"nutrient.{_NUTRIENTS.get(nutrient, 'other')}"


def unit_key(unit: str) -> str:
    """Return the catalogue's key of a unit."""
    return f"unit.{unit}" if unit in _UNITS else "unit.none"


class _Told(Struct, frozen=True):
    what: Phrase
    why: Phrase
    then: Phrase
    is_harm: bool = False


_THIS = Named("This dish", "Ce plat", "Iri funguro")


def _weight(reason: Reason) -> tuple[int, int, int]:
    harm = 0 if reason.source in ("NPO", "ALLERGY") else 1
    about_dish = 0 if reason.dish else 1
    return (0 if reason.kind is Kind.BLOCK else 1, harm, about_dish)


def _npo(reason: Reason, _dish: Named) -> _Told:
    if reason.rule == "hold":
        return _Told(Phrase("order.what.npo"), Phrase("npo.banner"), Phrase("order.next.npo"), is_harm=True)
    return _unknown_patient()


def _allergy(reason: Reason, dish: Named) -> _Told:
    allergen = _allergen(reason.subject)
    match reason.rule:
        case "contains":
            sentence = Phrase("verdict.allergen", {"dish": dish, "allergen": allergen})
            return _Told(Phrase("portal.contains", {"allergen": allergen}), sentence, _CHOOSE_OTHER, is_harm=True)
        case "may_contain":
            sentence = Phrase("order.why.may_contain", {"dish": dish, "allergen": allergen})
            return _Told(Phrase("portal.may_contain", {"allergen": allergen}), sentence, _CHOOSE_OTHER, is_harm=True)
        case "cross_contact" | "cross_contact_unlisted":
            sentence = Phrase(f"order.why.{reason.rule}", {"dish": dish, "allergen": allergen})
            what = Phrase("order.what.cross_contact", {"allergen": allergen})
            return _Told(what, sentence, _CHOOSE_OTHER, is_harm=True)
        case "no_recipe":
            return _unknown_dish(dish)
        case "not_asked":
            return _Told(Phrase("allergy.not_asked"), Phrase("order.why.not_asked"), _ASK_NURSE)
        case _:
            return _Told(Phrase("order.what.allergy_unclear"), Phrase("order.why.allergy_unclear"), _ASK_NURSE)


def _dish(reason: Reason, dish: Named) -> _Told:
    match reason.rule:
        case "declaration":
            return _unknown_dish(dish)
        case "prescription":
            sentence = Phrase("order.why.prescription", {"dish": dish})
            return _Told(Phrase("order.what.prescription"), sentence, _ASK_NURSE)
        case "empty_tray":
            return _Told(Phrase("cart.empty"), Phrase("order.why.empty"), Phrase("order.next.choose"))
        case "unknown_dish":
            return _Told(Phrase("order.what.no_dish"), Phrase("order.why.no_dish"), _CHOOSE_OTHER)
        case "thickener":
            return _Told(Phrase("order.what.thickener"), Phrase("order.why.thickener", {"dish": dish}), _ASK_NURSE)
        case _:
            return _Told(Phrase("order.what.portion"), Phrase("order.why.portion"), Phrase("order.next.choose"))


def _medicine(reason: Reason, dish: Named) -> _Told:
    flag = Phrase(f"care_flag.{reason.rule}", otherwise=reason.rule)
    return _Told(flag, Phrase("medicine.why", {"dish": dish, "flag": flag}), Phrase("order.next.nutritionist"))


def _patient(reason: Reason, _dish: Named) -> _Told:
    if reason.rule == "no_active_admission":
        return _Told(Phrase("order.what.no_stay"), Phrase("order.why.no_stay"), _ASK_NURSE)
    return _unknown_patient()


def _no_order(_reason: Reason, _dish: Named) -> _Told:
    return _Told(Phrase("order.what.no_diet"), Phrase("portal.waiting_diet"), Phrase("order.next.wait_diet"))


def _contradiction(reason: Reason, _dish: Named) -> _Told:
    rules = {"rules": reason.rule.replace("+", " + ")}
    return _Told(Phrase("order.what.clash"), Phrase("order.why.clash", rules), Phrase("order.next.nutritionist"))


def _iddsi(reason: Reason, dish: Named) -> _Told:
    match reason.rule:
        case "drink":
            sentence = Phrase("order.why.drink", {"dish": dish, "limit": reason.subject})
            return _Told(Phrase("order.what.drink"), sentence, _CHOOSE_OTHER)
        case "drink_level_unset":
            return _Told(Phrase("order.what.drink_unset"), Phrase("order.why.drink_unset", {"dish": dish}), _ASK_NURSE)
        case "iddsi":
            return _texture(reason, dish)
        case _:
            return _unknown_patient()


def _texture(reason: Reason, dish: Named) -> _Told:
    sentence = Phrase("verdict.texture", {"dish": dish, "limit": reason.subject})
    return _Told(Phrase("order.what.texture", {"limit": reason.subject}), sentence, _CHOOSE_OTHER)


def _diet(reason: Reason, dish: Named) -> _Told:
    match reason.rule:
        case "limit":
            return _limit(reason, dish)
        case "nutrient_unknown":
            facts: dict[str, Phrase | Named | str | int] = {"dish": dish, "nutrient": _nutrient(reason)}
            return _Told(Phrase("order.what.unknown_data"), Phrase("order.why.nutrient_unknown", facts), _CHOOSE_OTHER)
        case "iddsi":
            return _texture(reason, dish)
        case "require" | "forbid":
            return _tag(reason, dish)
        case "tag_unknown":
            return _unknown_dish(dish)
        case "noallergen":
            facts = {"dish": dish, "allergen": _allergen(reason.subject), "diet": _diet_name(reason)}
            what = Phrase("portal.contains", {"allergen": _allergen(reason.subject)})
            return _Told(what, Phrase("order.why.diet_allergen", facts), _CHOOSE_OTHER)
        case "ordered_by":
            return _Told(Phrase("order.what.nurse_orders"), Phrase("order.why.nurse_orders"), _ASK_NURSE)
        case "weight_unknown":
            return _Told(Phrase("order.what.weight"), Phrase("order.why.weight"), _ASK_NURSE)
        case "none":
            return _Told(Phrase("order.what.npo"), Phrase("npo.banner"), Phrase("order.next.npo"), is_harm=True)
        case "only":
            facts = {"dish": dish, "diet": _diet_name(reason)}
            return _Told(Phrase("portal.not_for_you"), Phrase("order.why.only", facts), _CHOOSE_OTHER)
        case _:
            return _unknown_patient() if reason.kind is Kind.UNKNOWN else _against_diet(reason, dish)


def _limit(reason: Reason, dish: Named) -> _Told:
    facts: dict[str, Phrase | Named | str | int] = {
        "dish": dish,
        "nutrient": _nutrient(reason),
        "value": _shown(reason.value),
        "limit": _shown(reason.limit),
        "unit": Phrase(unit_key(reason.unit)),
    }
    if reason.subject == "feeds":
        return _Told(Phrase("order.what.feeds"), Phrase("order.why.feeds", {"limit": facts["limit"]}), _ASK_NURSE)
    scope = reason.scope if reason.scope in ("item", "day") else "meal"
    if reason.bound is Bound.MIN:
        then = _CHOOSE_OTHER if scope == "item" else Phrase("order.next.add")
        return _Told(Phrase("order.what.too_little", facts), Phrase(f"order.why.least_{scope}", facts), then)
    then = _CHOOSE_OTHER if reason.dish else Phrase("order.next.less")
    return _Told(Phrase("order.what.too_much", facts), Phrase(f"order.why.most_{scope}", facts), then)


def _tag(reason: Reason, dish: Named) -> _Told:
    if reason.subject in _HALAL:
        return _Told(Phrase("order.what.halal"), Phrase("verdict.halal", {"dish": dish}), _CHOOSE_OTHER)
    if reason.subject in _MEAT:
        return _Told(Phrase(f"order.what.{reason.subject}"), _against_diet(reason, dish).why, _CHOOSE_OTHER)
    if reason.subject == "raw_produce":
        return _Told(Phrase("order.what.raw"), Phrase("verdict.raw", {"dish": dish}), _CHOOSE_OTHER)
    if reason.subject in _TAGS:
        what = Phrase(f"order.what.{reason.rule}_{reason.subject}")
        return _Told(what, _against_diet(reason, dish).why, _CHOOSE_OTHER)
    return _against_diet(reason, dish)


def _against_diet(reason: Reason, dish: Named) -> _Told:
    sentence = Phrase("verdict.diet_rule", {"dish": dish, "diet": _diet_name(reason)})
    return _Told(Phrase("portal.not_for_you"), sentence, _CHOOSE_OTHER)


def _unknown_dish(dish: Named) -> _Told:
    return _Told(Phrase("order.what.unknown_data"), Phrase("verdict.unknown_data", {"dish": dish}), _CHOOSE_OTHER)


def _unknown_patient() -> _Told:
    return _Told(Phrase("order.what.unknown_patient"), Phrase("verdict.unknown_patient"), _ASK_NURSE)


def _by(reason: Reason) -> Phrase:
    if reason.source == "DIET":
        return Phrase("order.by.patient")
    return Phrase(f"order.by.{reason.source.lower()}") if reason.source in _SOURCES else _diet_name(reason)


def _nutrient(reason: Reason) -> Phrase:
    return Phrase(nutrient_key(reason.subject))


def _diet_name(reason: Reason) -> Phrase:
    return Phrase(f"diet.{reason.source}.name", otherwise=reason.source)


def _allergen(code: str) -> Phrase:
    return Phrase(f"allergen.{code}", otherwise=code.removeprefix("ingredient:").replace("_", " "))


def _shown(value: Decimal | None) -> str:
    if value is None:
        return "–"
    rounded = round(value, 1)
    return f"{rounded.normalize():,f}" if rounded else "0"


_SOURCES: dict[str, Callable[[Reason, Named], _Told]] = {
    "ALLERGY": _allergy,
    "CONTRADICTION": _contradiction,
    "DIET": _no_order,
    "DISH": _dish,
    "IDDSI": _iddsi,
    "MEDICINE": _medicine,
    "NPO": _npo,
    "PATIENT": _patient,
}
