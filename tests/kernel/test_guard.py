import pytest
from litestar import Litestar, get

from dusangire.kernel.access import Can, Needs, Role, needs, rights_of
from dusangire.kernel.guard import Undeclared, check_routes


@get("/open-by-mistake", sync_to_thread=False)
def forgotten() -> str:
    return "hello"


@get("/declared", opt=needs(Can.WARD_SEE), sync_to_thread=False)
def declared() -> str:
    return "hello"


def test_a_route_that_declares_nothing_stops_the_start():
    with pytest.raises(Undeclared, match="open-by-mistake"):
        check_routes(Litestar([forgotten, declared], openapi_config=None))
    check_routes(Litestar([declared], openapi_config=None))


def test_any_one_of_the_named_rights_is_enough_and_none_is_not():
    asked = needs(Can.WARD_SEE, Can.CHART_SEE)["needs"]
    assert asked.met_by(frozenset({Can.CHART_SEE}))
    assert not asked.met_by(frozenset({Can.KITCHEN_WORK}))
    assert Needs(frozenset()).met_by(frozenset())


def test_a_hospital_grants_and_revokes_single_rights_and_unknown_ones_only_narrow():
    rights = rights_of(Role.NURSE, ["menu_edit", "fly"], ["hold_set"])
    assert Can.MENU_EDIT in rights
    assert Can.HOLD_SET not in rights


@pytest.mark.req("CHK-6.1.8")
async def test_a_form_from_another_site_or_an_old_page_is_refused(browser, bosco):
    page = browser(bosco)
    assert (await page.post("/sign-out", {"_token": "0" * 32})).status_code == 403
    assert (await page.post("/sign-out", token=False)).status_code == 403
    await page.get("/account/")
    crossed = await page.http.post(
        "/sign-out", data={"_token": page._token}, headers={"Origin": "https://evil.example"}
    )
    assert crossed.status_code == 403
    crossed = await page.http.post("/sign-out", data={"_token": page._token}, headers={"Sec-Fetch-Site": "cross-site"})
    assert crossed.status_code == 403
    assert (await page.post("/sign-out")).status_code == 303


async def test_a_stranger_is_led_to_the_sign_in_and_back(browser):
    answer = await browser(None).get("/account/")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=%2Faccount")


async def test_personal_pages_are_kept_by_no_cache_and_framed_by_nobody(browser, bosco):
    answer = await browser(bosco).get("/account/")
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_body_of_ten_megabytes_is_refused_with_words(browser, bosco):
    answer = await browser(bosco).post("/account/password", {"old": "x" * 10_000_000, "password": "y"})
    assert answer.status_code == 413
    assert "too big" in answer.text
