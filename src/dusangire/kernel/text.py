"""Words: every sentence a person reads, by key, in English, French and Kinyarwanda.

The catalogue is `words/*.csv` (key, en, fr, rw, confidence, note): one file a package, so that a translator
opens a spreadsheet. A sentence missing in Kinyarwanda or French falls back to English, never to nothing.
"""

import csv
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from babel.dates import format_date
from markupsafe import Markup, escape

from dusangire.kernel.clock import local
from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Named, Phrase

LANGUAGES = {"rw": "Kinyarwanda", "en": "English", "fr": "Français"}
WORDS = Path(__file__).resolve().parents[1] / "words"
_NARROW = "\u00a0"


class MissingWords(KeyError):
    """A key that the catalogue does not hold: a defect that a test finds before a person does."""


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return key → {language: sentence}. Raises ValueError for a key that stands twice."""
    words: dict[str, dict[str, str]] = {}
    for path in sorted(WORDS.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["key"] in words:
                    raise ValueError(f"{row['key']} stands twice in the catalogue (again in {path.name})")
                words[row["key"]] = {language: _typeset(row[language] or row["en"], language) for language in LANGUAGES}
    return words


def placeholders(sentence: str) -> set[str]:
    """Return the names between braces."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def say(language: str, key: str, **facts: Any) -> str:
    """Return the sentence in the language, facts filled in. Raises MissingWords."""
    try:
        sentence = catalogue()[key][language if language in LANGUAGES else "en"]
    except KeyError:
        raise MissingWords(key) from None
    return sentence.format(**{name: shown(value, language) for name, value in facts.items()}) if facts else sentence


def speaker(language: str) -> Callable[..., str]:
    """Return `t`: the sentences of one language, for templates. Facts are escaped, sentences may hold none."""

    def t(key: str, **facts: Any) -> Markup:
        escaped = {name: escape(shown(value, language)) for name, value in facts.items()}
        return Markup(escape(say(language, key))).format(**escaped) if facts else Markup(escape(say(language, key)))  # noqa: S704

    return t


def has(key: str) -> bool:
    """True when the catalogue holds the key."""
    return key in catalogue()


def shown(value: Any, language: str = "en") -> str:
    """Return a value as people read it: money with its unit, numbers without needless zeros, phrases spoken."""
    if isinstance(value, Phrase):
        return value.otherwise if value.otherwise and not has(value.key) else say(language, value.key, **value.facts)
    if isinstance(value, Named):
        return value.said(language)
    if isinstance(value, Money):
        return money(value)
    if isinstance(value, Decimal):
        return number(value)
    return str(value)


def money(amount: Money) -> str:
    """Return `FRW 2,800`, with a space that does not break."""
    unit = "FRW" if amount.currency == "RWF" else amount.currency
    return f"{unit}{_NARROW}{amount.minor:,}"


def number(value: Decimal | int | float | None, places: int = 1) -> str:
    """Return the number rounded for reading, without trailing zeros; a dash for what is not known."""
    if value is None:
        return "–"
    rounded = round(Decimal(str(value)), places)
    return f"{rounded.normalize():,f}" if rounded else "0"


def clock_time(moment: datetime, zone: str) -> str:
    """Return the 24-hour time in the zone: 07:05."""
    return local(moment, zone).strftime("%H:%M")


def day(when: date, language: str) -> str:
    """Return the day as people write it. Kinyarwanda and French and English come from CLDR."""
    return format_date(when, format="d MMMM y", locale=language if language in LANGUAGES else "en")


def month(said: str, language: str) -> str:
    """Return a month as people write it: of 2026-11, November 2026."""
    first = date.fromisoformat(f"{said}-01")
    return format_date(first, format="LLLL y", locale=language if language in LANGUAGES else "en")


def _typeset(sentence: str, language: str) -> str:
    """French sets a space before : ! ? ; make it one that does not break."""
    if language != "fr":
        return sentence
    for mark in ":!?;":
        sentence = sentence.replace(f" {mark}", f"{_NARROW}{mark}")
    return sentence
