"""The doctor prescribes: how many touches it takes, by mouse and by keyboard, and what the patient then reads."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import DESK, PASSWORD, PHONE

MOST_TOUCHES = 6
MOST_TABS = 30
SOON = 5000


class Hands:
    """Counts what a person does: a click, a key that is not typing, and each field typed into."""

    def __init__(self, page):
        self.page, self.touches = page, 0

    async def click(self, role, name, **how):
        self.touches += 1
        await self.page.get_by_role(role, name=name, **how).first.click()

    async def type(self, text):
        self.touches += 1
        await self.page.keyboard.type(text)

    async def press(self, *keys):
        for key in keys:
            self.touches += 1
            await self.page.keyboard.press(key)


async def _chart(page, name):
    """Open the page of a patient by name; return its address."""
    await page.goto("/health-profiles/?show=all")
    await page.get_by_role("link", name=name).first.click()
    await page.wait_for_url(re.compile(r"/health-profiles/[0-9a-f-]{36}"))
    return re.search(r"/health-profiles/[0-9a-f-]{36}", page.url).group(0)


async def _focused(page):
    return await page.evaluate("document.activeElement.id")


@pytest.mark.req("A1", "A7")
async def test_a_common_order_takes_a_favourite_and_a_password(people):
    doctor = await people.sign_in("doctor", DESK)
    await _chart(doctor, "Marie Cyuzuzo")
    hands = Hands(doctor)
    await hands.click("link", "New diet order")
    await hands.click("link", "Heart", exact=True)
    await expect(doctor.locator("#before")).to_contain_text("Nothing stands against signing.")
    assert await _focused(doctor) == "password"
    await hands.type(PASSWORD)
    await hands.press("Enter")
    await doctor.wait_for_url(re.compile("said=signed"))
    assert hands.touches <= MOST_TOUCHES
    await expect(doctor.locator("#now")).to_contain_text("Heart diet")
    await expect(doctor.locator("#plain")).to_contain_text("Little salt, little fat")


@pytest.mark.req("A1", "A9")
async def test_an_order_from_scratch_is_written_by_keyboard_alone_and_the_patient_reads_it(people):
    doctor = await people.sign_in("doctor", DESK)
    here = await _chart(doctor, "Amina Uwase")
    await doctor.goto(f"{here}/diet-order")
    await doctor.locator("#diet").focus()
    tabs = 0
    written = (
        ("diet", "Heart"), ("food", "Soft food in small"), ("drink", "0"), ("fluid", "1500"), ("potassium", ""),
        ("start", ""), ("replaces", "Instead"),
    )  # fmt: skip
    for field, keys in written:
        tabs += await _tab_to(doctor, field)
        await doctor.keyboard.type(keys)
    await expect(doctor.locator("#plain")).to_contain_text("Little salt, little fat")
    await expect(doctor.locator("#left")).to_contain_text("Amina may eat")
    tabs += await _tab_to(doctor, "password")
    assert tabs <= MOST_TABS
    await doctor.keyboard.type(PASSWORD)
    await doctor.keyboard.press("Control+Enter")
    await doctor.wait_for_url(re.compile("said=signed"))
    patient = await people.sign_in("patient", PHONE)
    await expect(patient.locator("#plan")).to_contain_text("Heart diet")
    await expect(patient.locator("#plan")).to_contain_text("Little salt, little fat")
    await expect(patient.locator("#shelves .texture--6").first).to_be_visible()


async def _tab_to(page, field):
    """Press Tab until the field has the focus; return how often."""
    for pressed in range(16):
        if await _focused(page) == field:
            return pressed
        await page.keyboard.press("Tab")
    raise AssertionError(f"{field} is not reached by Tab")


@pytest.mark.req("A3")
async def test_a_clash_is_seen_while_writing_and_one_button_takes_a_diet_off(people):
    doctor = await people.sign_in("doctor", DESK)
    here = await _chart(doctor, "Vestine Kamikazi")
    await doctor.goto(f"{here}/diet-order")
    await doctor.locator("#diet").select_option("CCHO45")
    await doctor.locator("summary", has_text="Add another diet").click()
    await doctor.locator("#diet2").select_option("CCHO75")
    clash = doctor.locator("#clash")
    await expect(clash).to_contain_text("No meal can meet both", timeout=SOON)
    await expect(clash).to_contain_text("Diabetes diet, 45 g: at most 50 g")
    await expect(clash).to_contain_text("Diabetes diet, 75 g: at least 60 g")
    await clash.get_by_role("button", name="Remove Diabetes diet, 75 g").click()
    await expect(doctor.locator("#before")).to_contain_text("Nothing stands against signing.")
    assert await doctor.locator("#diet").input_value() == "CCHO45"
    await expect(doctor.locator("#clash")).to_have_count(0)


@pytest.mark.req("A1", "Q1")
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
async def test_on_a_phone_the_preview_stands_before_the_signature(people, scripts):
    doctor = await people.sign_in("doctor", PHONE, scripts=scripts)
    here = await _chart(doctor, "Odette Mukeshimana")
    await doctor.goto(f"{here}/diet-order?use=diabetes")
    assert await doctor.locator("html").evaluate("html => html.scrollWidth") <= PHONE["width"]
    plain, sign = [await doctor.locator(place).bounding_box() for place in ("#plain", "#sign-title")]
    assert plain["y"] < sign["y"]
    await doctor.get_by_role("button", name="Check", exact=True).click()
    await expect(doctor.locator("#plain")).to_contain_text("blood sugar")


@pytest.mark.req("A1")
async def test_the_slash_finds_a_patient_from_any_desk(people):
    doctor = await people.sign_in("doctor", DESK)
    await doctor.goto("/health-profiles/")
    await doctor.keyboard.press("/")
    assert await _focused(doctor) == "find"
    await doctor.keyboard.type("Amina/")
    assert await doctor.locator("#find").input_value() == "Amina/"
