"""The summary above a form says which field each problem is about, in the words that stand on the page."""

import re

import pytest

from dusangire.kernel.summary import named
from tests.make import Browser

_PLACE = '<li><a href="#{0}"><b data-field="{0}">{{label}}:</b> Please fill this in</a></li>'


def _said(name: str, fields: str) -> str:
    return re.sub(r"<[^>]+>", "", named(_PLACE.format(name) + fields)).split("Please")[0]


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ('<label for="mrn">Hospital number</label><input id="mrn" name="mrn">', "Hospital number: "),
        ('<label for="mrn">Number <span class="hidden">of the\n card</span></label>', "Number of the card: "),
        ('<label for="mrn">Milk &amp; eggs &lt;b&gt;</label>', "Milk &amp; eggs &lt;b&gt;: "),
        ('<label><input type="checkbox" id="mrn" value="1"><span>I agree</span></label>', "I agree: "),
        (
            "<fieldset><legend><h2>How</h2></legend>"
            '<label><input type="radio" name="mrn" value="a"><span>By pump</span></label></fieldset>',
            "How: ",
        ),
        ('<input id="mrn" aria-label="Grams of rice">', "Grams of rice: "),
        ('<label for="other">Another</label><input id="other">', ""),
    ],
)
def test_a_problem_is_named_by_the_label_of_its_field(field: str, said: str):
    assert _said("mrn", field) == said


def test_a_page_without_problems_is_left_as_it_is():
    page = '<label for="mrn">Hospital number</label><p>{label}</p>'
    assert named(page) == page


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "Name:"), ("fr", "Nom\u00a0:"), ("rw", "Amazina:")],
    ids=["English", "French", "Kinyarwanda"],
)
async def test_the_summary_names_the_field_in_the_language_of_the_person(grace, browser, lang, said):
    client: Browser = browser(grace)
    answer = await client.post(f"/admin/users/new?lang={lang}", {"name": "", "role": "nurse", "email": "a@b.rw"})
    assert answer.status_code == 422
    assert f'<a href="#name"><b>{said}</b> ' in answer.text
    assert "data-field" not in answer.text
