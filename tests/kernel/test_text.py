import re
from pathlib import Path

import pytest

from dusangire.kernel import text
from dusangire.kernel.money import Money

ROOT = Path(__file__).resolve().parents[2]


def test_every_sentence_has_the_same_placeholders_in_all_languages():
    wrong = {
        key: words
        for key, words in text.catalogue().items()
        if len({frozenset(text.placeholders(sentence)) for sentence in words.values()}) > 1
    }
    assert wrong == {}


@pytest.mark.req("P1")
def test_every_key_a_template_or_a_program_names_is_in_the_catalogue():
    named = set()
    for path in [*ROOT.glob("templates/**/*.html"), *ROOT.glob("templates/**/*.txt")]:
        named |= set(re.findall(r"""\bt\(\s*["']([a-z0-9_.A-Z-]+)["'](?!\s*~)""", path.read_text()))
    for path in ROOT.glob("src/dusangire/**/*.py"):
        named |= set(re.findall(r"""Refusal\(\s*["']([a-z0-9_.A-Z-]+)["']""", path.read_text()))
    assert sorted(key for key in named if not text.has(key)) == []


def test_a_key_that_is_missing_is_an_error_and_not_an_empty_page():
    with pytest.raises(text.MissingWords):
        text.say("en", "no.such.key")


def test_facts_are_escaped_in_templates():
    t = text.speaker("en")
    assert str(t("portal.greeting", name="<script>")) == "Hello &lt;script&gt;"


def test_money_reads_as_people_write_it():
    assert text.money(Money(2800)) == "FRW\u00a02,800"
    assert text.say("fr", "portal.greeting", name=Money(500)) == "Bonjour FRW\u00a0500"


def test_clock_times_are_never_written_with_saa_in_kinyarwanda():
    assert [key for key, words in text.catalogue().items() if "saa {" in words["rw"]] == []
