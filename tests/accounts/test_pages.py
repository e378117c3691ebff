import asyncio
import re

import pytest

from dusangire.accounts import service as accounts
from dusangire.accounts.rules import HOME
from dusangire.kernel.access import Role
from dusangire.kernel.db import acting_as, execute, fetch_value
from tests.make import PASSWORD, Browser


async def _address(actor):
    return await fetch_value("SELECT email FROM app_user WHERE id = $1", actor.user)


async def _sign_in(page: Browser, who: str, secret: str = PASSWORD):
    return await page.post("/sign-in", {"who": who, "secret": secret})


def _without_tokens(html):
    return re.sub(r'value="[^"]*"|nonce[^>]*|-Token": "[0-9a-f]+', "", html)


@pytest.mark.req("N10", "CHK-6.1.1", "CHK-1.1.2", "CHK-1.1.3", "CHK-1.1.4")
@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.PATIENT, Role.CAREGIVER)])
async def test_signing_in_leads_each_role_to_its_own_page(make, browser, role):
    person = await make.user("Someone New", role)
    answer = await _sign_in(browser(None), await _address(person))
    assert (answer.status_code, answer.headers["location"]) == (303, HOME[role])


@pytest.mark.req("N10", "CHK-6.1.2")
async def test_a_wrong_password_and_an_unknown_person_read_the_same(browser, bosco):
    known = await _sign_in(browser(None), await _address(bosco), "wrong")
    unknown = await _sign_in(browser(None), "nobody@test.example", "wrong")
    assert known.status_code == unknown.status_code == 422
    text = [_without_tokens(answer.text) for answer in (known, unknown)]
    assert text[0] == text[1]


@pytest.mark.req("N2", "CHK-6.1.3")
async def test_five_wrong_guesses_lock_that_network_and_not_the_nurses_own_device(make, browser, bosco):
    who = await _address(bosco)
    own = browser(None)
    assert (await _sign_in(own, who)).status_code == 303
    own.http.cookies.delete("sid")
    stranger = Browser(make.app, None, address="10.9.9.9")
    answers = [await _sign_in(stranger, who, f"guess {n}") for n in range(6)]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 429, 429]
    assert "15" in answers[-1].text
    assert (await _sign_in(stranger, who)).status_code == 429
    assert (await _sign_in(own, who)).status_code == 303
    await stranger.close()


@pytest.mark.req("N13")
async def test_a_planted_cookie_is_never_taken_and_signing_in_makes_a_new_one(browser, bosco):
    page = browser(None)
    page.http.cookies.set("sid", f"{bosco.hospital}.planted-by-somebody", domain="localhost.local")
    answer = await _sign_in(page, await _address(bosco))
    given = answer.cookies["sid"]
    assert "planted" not in given
    fresh = browser(None)
    fresh.http.cookies.set("sid", f"{bosco.hospital}.planted-by-somebody")
    assert (await fresh.http.get("/account/")).status_code == 303
    fresh.http.cookies.set("sid", given)
    assert (await fresh.http.get("/account/")).status_code == 200


@pytest.mark.req("N13", "N7")
async def test_a_cookie_that_names_another_hospital_opens_nothing(make, browser, bosco):
    other = await make.other()
    page = browser(bosco)
    await page.get("/account/")
    secret = page.http.cookies["sid"].partition(".")[2]
    page.http.cookies.set("sid", f"{other.actor.hospital}.{secret}")
    assert (await page.http.get("/account/")).status_code == 303


@pytest.mark.req("N2", "N13", "CHK-1.1.8", "CHK-6.1.4")
@pytest.mark.parametrize(("age", "status"), [("29 min 50 s", 200), ("30 min 5 s", 303)])
async def test_a_session_rests_for_thirty_minutes_at_most(browser, bosco, age, status):
    page = browser(bosco)
    await page.get("/account/")
    await execute(f"UPDATE session SET seen_at = now() - interval '{age}' WHERE app_user = $1", bosco.user)
    assert (await page.get("/account/")).status_code == status


@pytest.mark.req("N13")
async def test_a_session_ends_after_twelve_hours_however_busy(browser, bosco):
    page = browser(bosco)
    await page.get("/account/")
    await execute("UPDATE session SET ends_at = now() - interval '1 s' WHERE app_user = $1", bosco.user)
    assert (await page.get("/account/")).status_code == 303


@pytest.mark.req("N13")
async def test_signing_out_ends_the_session_on_the_server(browser, bosco):
    page = browser(bosco)
    await page.get("/account/")
    cookie = page.http.cookies["sid"]
    answer = await page.post("/sign-out")
    assert "storage" in answer.headers["clear-site-data"]
    page.http.cookies.set("sid", cookie)
    assert (await page.http.get("/account/")).status_code == 303


@pytest.mark.req("N10", "CHK-6.1.5")
async def test_a_reset_link_works_once_and_ends_every_session(make, browser, bosco):
    page = browser(bosco)
    await page.get("/account/")
    secret = await accounts.make_reset(bosco.user)
    stranger = browser(None)
    form = {"password": "a calm green plate", "repeated": "a calm green plate"}
    answers = await asyncio.gather(*(stranger.post(f"/reset/{secret}", form) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [303] + [404] * 7
    assert (await page.get("/account/")).status_code == 303
    assert (await _sign_in(stranger, await _address(bosco), "a calm green plate")).status_code == 303


async def test_asking_for_a_reset_tells_a_stranger_nothing(browser, bosco):
    page = browser(None)
    known = await page.post("/forgot", {"who": await _address(bosco)})
    unknown = await page.post("/forgot", {"who": "nobody@test.example"})
    assert _without_tokens(known.text) == _without_tokens(unknown.text)
    with acting_as(bosco):
        asked = await fetch_value(
            "SELECT count(*) FROM event WHERE kind = 'password:reset_asked' AND hospital = $1", bosco.hospital
        )
    assert asked == 1


async def test_a_weak_new_password_is_refused_with_what_to_do(browser, bosco):
    answer = await browser(bosco).post("/account/password", {"old": PASSWORD, "password": "short"})
    assert answer.status_code == 422
    assert "at least 12" in answer.text


@pytest.mark.req("CHK-6.1.10")
async def test_passwords_are_kept_as_argon2id_only(bosco):
    kept = await fetch_value("SELECT password_hash FROM app_user WHERE id = $1", bosco.user)
    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept


async def test_a_page_speaks_the_language_just_chosen_and_remembers_it(browser):
    page = browser(None)
    assert "Kwinjira" in (await page.get("/sign-in?lang=rw")).text
    assert "Kwinjira" in (await page.get("/sign-in")).text


async def test_after_signing_in_nobody_is_led_off_the_site(browser, bosco):
    for wrong in ("//evil.example", "https://evil.example", "/\\evil.example"):
        answer = await browser(None).post("/sign-in", {"who": await _address(bosco), "secret": PASSWORD, "next": wrong})
        assert answer.headers["location"] == HOME[Role.NURSE]
