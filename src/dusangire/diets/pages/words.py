"""Words for the pages about diets: names of diets, allergens and rules in the reader's language, and the history."""

from collections.abc import Iterable
from datetime import datetime

from litestar.connection import Request
from msgspec import Struct

from dusangire.diets.rules import GROUPS, DietKind, Manual, RuleKind, Severity
from dusangire.kernel import text
from dusangire.kernel.html import language
from dusangire.kernel.journal import Event

Choice = tuple[str, str]


class Line(Struct, frozen=True):
    """One thing that happened: what, to what, by whom, when."""

    key: str
    what: str
    name: str
    role: str
    at: datetime


def diet_choices(request: Request, manual: Manual) -> list[Choice]:
    """Return the diets to choose from, code and words; textures and holds have fields of their own."""
    lang = language(request)
    apart = (DietKind.TEXTURE, DietKind.HOLD)
    return [("", text.say(lang, "diets.choose"))] + [
        (code, f"{diet_name(lang, code, diet.name)} · {code}")
        for code, diet in manual.diets.items()
        if diet.kind not in apart
    ]


def diet_name(lang: str, code: str, otherwise: str) -> str:
    """Return a diet's name in the catalogue, or as the hospital wrote it."""
    key = f"diet.{code}.name"
    return text.say(lang, key) if text.has(key) else otherwise


def diet_names(request: Request, manual: Manual) -> dict[str, str]:
    """Return every diet's name by code."""
    return {code: diet_name(language(request), code, diet.name) for code, diet in manual.diets.items()}


def plain_words(request: Request, manual: Manual) -> dict[str, str]:
    """Return what the patient reads of each diet, by code; its name where the catalogue has no more."""
    lang = language(request)
    return {
        code: text.say(lang, f"diet.{code}.what") if text.has(f"diet.{code}.what") else diet.name
        for code, diet in manual.diets.items()
    }


def food_choices(request: Request, manual: Manual) -> list[Choice]:
    """Return the food textures: none ordered, regular, and those of the manual."""
    lang = language(request)
    textures = [code for code, diet in manual.diets.items() if any(rule.kind is RuleKind.IDDSI for rule in diet.rules)]
    return [
        ("", text.say(lang, "diets.food.none")),
        ("7", text.say(lang, "diets.food.7")),
        *((code, diet_name(lang, code, code)) for code in reversed(textures)),
    ]


def drink_choices(request: Request) -> list[Choice]:
    """Return the drink levels."""
    lang = language(request)
    return [("", text.say(lang, "diets.drink.none"))] + [
        (str(level), text.say(lang, f"diets.drink.{level}")) for level in range(5)
    ]


def allergy_choices(request: Request, ingredients: Iterable[str]) -> list[Choice]:
    """Return what an allergy can be coded to: the 14 groups, their members, the kitchen's ingredients."""
    lang = language(request)
    groups = [(code, text.say(lang, f"allergen.{code}")) for code in GROUPS]
    members = sorted({member for some in GROUPS.values() for member in some} | set(ingredients))
    return groups + [(member, "") for member in members if member not in GROUPS]


def severities(request: Request) -> list[Choice]:
    """Return the severities, the worst first."""
    lang = language(request)
    return [("", text.say(lang, "form.choose_one"))] + [
        (severity.value, text.say(lang, f"allergy.severity.{severity}")) for severity in Severity
    ]


def rule_name(lang: str, subject: str) -> str:
    """Return a nutrient or tag of the manual in words; its own name where the catalogue has none."""
    key = f"diets.rule.{subject}"
    return text.say(lang, key) if text.has(key) else subject


def task_key(kind: str) -> str:
    """Return the key of a task's words; one that nobody has named is a task all the same."""
    key = f"diets.task.{kind}"
    return key if text.has(key) else "diets.task.other"


def history_lines(request: Request, events: Iterable[Event]) -> list[Line]:
    """Return what happened, the latest first; events without words are the program's own and stay out."""
    lang = language(request)
    found = [
        Line(_key(event), _what(lang, event), event.actor_name, event.actor_role, event.at)
        for event in events
        if text.has(_key(event))
    ]
    return found[::-1]


def _key(event: Event) -> str:
    return "diets.event." + event.kind.replace(":", ".")


def _what(lang: str, event: Event) -> str:
    facts = event.facts
    parts = [diet_name(lang, str(code), str(code)) for code in facts.get("codes", [])]
    if "code" in facts:
        parts.append(str(facts["code"]))
    if "severity" in facts:
        parts.append(text.say(lang, f"allergy.severity.{facts['severity']}"))
    if "care_flag" in facts:
        parts.append(text.say(lang, f"care_flag.{facts['care_flag']}"))
    parts += [str(facts[name]) for name in ("said", "reason", "value", "bed", "bed_after") if facts.get(name)]
    if facts.get("protocol"):
        parts.append(text.say(lang, "diets.under_protocol"))
    return ", ".join(parts)
