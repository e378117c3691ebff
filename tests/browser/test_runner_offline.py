"""The carrier's phone in a real browser: red within seconds, and with the network cut for real."""

import re
import time

import pytest
from playwright.async_api import expect

from tests.browser.conftest import DESK, PHONE
from tests.browser.test_lunch import _order

SOON = 5000


async def _carried(people, patient, dish="Papaya cup"):
    """Order, cook and collect a tray; return its code and id."""
    code, address = await _order(patient, dish)
    order = address.split("/orders/")[1][:36]
    kitchen = await people.sign_in("kitchen", DESK)
    for button in ("Start", "Ready"):
        await kitchen.goto("/kitchen/")
        await kitchen.locator("li.ticket", has_text=code).get_by_role("button", name=button).click()
        await kitchen.wait_for_timeout(400)
    carrier = await people.sign_in("delivery", PHONE)
    await carrier.locator("li", has_text=code).get_by_role("button", name="Collect").click()
    await expect(carrier.locator(f"#stop-{order}")).to_be_visible()
    return carrier, code, order


async def _waiting(page):
    return await page.evaluate("JSON.parse(localStorage.getItem('dusangire.outbox') || '[]')")


@pytest.mark.req("F9", "A14")
async def test_a_phone_without_network_keeps_taps_and_the_server_does_them_once_when_it_is_back(people):
    patient = await people.sign_in("patient", PHONE)
    carrier, _, order = await _carried(people, patient)
    await carrier.context.set_offline(True)
    await carrier.locator(f"#stop-{order}").get_by_role("button", name="Arrived").click()
    await expect(carrier.locator("#waiting")).to_have_text("Waiting to send: 1")
    await expect(carrier.locator("#offline")).to_be_visible()
    kept = await _waiting(carrier)
    assert [set(one) for one in kept] == [{"key", "order", "tap", "at"}]
    assert kept[0]["tap"] == "arrive"
    await carrier.context.set_offline(False)
    await expect(carrier.locator("#waiting")).to_be_hidden(timeout=15000)
    await expect(carrier.locator(f"#stop-{order}")).to_contain_text("At your ward", timeout=SOON)
    assert await _waiting(carrier) == []


async def _at_the_bed(carrier, code, order):
    """Check the tray and the person, on the page where time can be moved."""
    await carrier.add_init_script(
        "const real = performance.now.bind(performance); window.later = 0; performance.now = () => real() + window.later;"
    )
    await carrier.goto(f"/delivery/{order}/hand-over")
    await carrier.get_by_label("Code of the tray").fill(code)
    await carrier.get_by_role("button", name="Check the tray").click()
    await carrier.wait_for_load_state()
    await carrier.locator("#code").fill("A-012")
    await carrier.locator("summary", has_text=re.compile("no scan|name|code", re.IGNORECASE)).first.click()
    await carrier.locator("#name").fill("Amina Uwase")
    await carrier.locator("#year").fill("1988")
    await carrier.locator("button[form='check'], #check button").first.click()
    await expect(carrier.locator("#give")).to_be_visible()


@pytest.mark.req("F9", "A13")
async def test_an_old_page_hands_nothing_over_and_a_kept_hand_over_is_judged_again(people):
    patient = await people.sign_in("patient", PHONE)
    carrier, code, order = await _carried(people, patient)
    await _at_the_bed(carrier, code, order)
    await carrier.context.set_offline(True)
    await carrier.evaluate("window.later = 61000")
    hand_over = carrier.get_by_role("button", name="Hand over")
    await hand_over.click()
    await expect(carrier.locator("#too-old")).to_be_visible()
    assert await _waiting(carrier) == []
    await carrier.evaluate("window.later = 0")
    await hand_over.click()
    await expect(carrier.locator("#waiting")).to_have_text("Waiting to send: 1")
    nurse = await people.sign_in("nurse", DESK)
    await nurse.goto(f"/orders/{order}")
    await nurse.get_by_role("button", name=re.compile("^Hold|^Stop")).first.click()
    await carrier.context.set_offline(False)
    await expect(carrier.locator("#unsent")).to_contain_text("1", timeout=20000)
    assert await _waiting(carrier) == []
    await nurse.goto(f"/orders/{order}")
    await expect(nurse.locator("h1")).to_have_text("On hold")
    await carrier.goto("/delivery/")
    await carrier.locator(f"#recall-{order}").get_by_role("button", name="Brought back").click()


@pytest.mark.req("A14")
async def test_the_phone_turns_red_and_shakes_within_five_seconds_of_an_allergy(people):
    patient = await people.sign_in("patient", PHONE)
    carrier, code, order = await _carried(people, patient)
    await carrier.add_init_script(
        "window.shaken = []; navigator.vibrate = (how) => { window.shaken.push(how); return true; };"
    )
    await carrier.goto(f"/delivery/{order}/hand-over")
    nurse = await people.sign_in("nurse", DESK)
    await nurse.goto(f"/orders/{order}")
    await nurse.get_by_role("button", name=re.compile("^Hold|^Stop")).first.click()
    began = time.monotonic()
    await carrier.bring_to_front()
    red = carrier.locator(f"#recall-{order}.recall--whole")
    await expect(red).to_be_visible(timeout=SOON)
    print(f"red after {time.monotonic() - began:.2f} s")
    box = await carrier.locator("#recalls").bounding_box()
    assert (box["x"], box["y"], box["width"]) == (0, 0, PHONE["width"])
    assert box["height"] >= PHONE["height"]
    assert await carrier.evaluate("window.shaken.length") == 1
    await expect(carrier.get_by_role("button", name="Check the tray")).to_have_count(0)
    await expect(red).to_contain_text(code)
    await carrier.get_by_role("button", name="I have stopped").click()
    await expect(carrier.locator(f"#recall-{order}")).to_contain_text("You saw this at")
    await carrier.get_by_role("button", name="Brought back").click()
    await expect(carrier.locator(f"#recall-{order}")).to_have_count(0)


@pytest.mark.req("A14")
async def test_without_scripts_the_red_page_stands_and_its_buttons_are_plain_forms(people):
    patient = await people.sign_in("patient", PHONE)
    carrier, _, order = await _carried(people, patient)
    nurse = await people.sign_in("nurse", DESK)
    await nurse.goto(f"/orders/{order}")
    await nurse.get_by_role("button", name=re.compile("^Hold|^Stop")).first.click()
    plain = await people.sign_in("delivery", PHONE, scripts=False)
    assert 'http-equiv="refresh" content="30"' in await plain.content()
    await expect(plain.locator(f"#recall-{order}.recall--whole")).to_be_visible()
    await plain.get_by_role("button", name="I have stopped").first.click()
    await expect(plain.locator(f"#recall-{order}")).to_contain_text("You saw this at")
    await plain.locator(f"#recall-{order}").get_by_role("button", name="Brought back").click()
    await expect(plain.locator(f"#recall-{order}")).to_have_count(0)
    await carrier.close()
