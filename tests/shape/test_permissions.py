"""Every route against every role, drawn from the routes' own declarations; and the matrix as hospitals expect it."""

import pytest
from litestar.handlers import HTTPRouteHandler

from dusangire.accounts.rules import HOME
from dusangire.app import create_app
from dusangire.kernel.access import ROLES, Can, Needs, Role

STAFF = [role for role in Role if role not in (Role.PATIENT, Role.CAREGIVER)]


def _routes():
    """Return (path, method, needs, is a stream) of every handler."""
    return sorted(
        {
            (route.path, method, handler.opt["needs"], bool(handler.opt.get("skip_compression")))
            for route in create_app().routes
            for handler in getattr(route, "route_handlers", [])
            if isinstance(handler, HTTPRouteHandler)
            for method in handler.http_methods - {"OPTIONS", "HEAD"}
        },
        key=lambda row: row[:2],
    )


ROUTES = _routes()
CLOSED = [row for row in ROUTES if not row[2].is_public]
PLAIN = [path for path, method, _, is_live in CLOSED if method == "GET" and "{" not in path and not is_live]


def _needs(path: str) -> Needs:
    return next(asked for found, method, asked, _ in ROUTES if found == path and method == "GET")


def _filled(path: str) -> str:
    """Return the path with something of the right kind in each of its braces."""
    parts = []
    for part in path.split("/"):
        kind = part.strip("{}").partition(":")[2]
        filled = {"uuid": "00000000-0000-7000-8000-000000000000", "int": "1", "date": "2026-11-21"}.get(kind, "x")
        parts.append(filled if part.startswith("{") else part)
    return "/".join(parts)


@pytest.mark.req("N1", "M11", "CHK-6.2.7")
@pytest.mark.parametrize("role", list(Role))
async def test_every_page_opens_for_exactly_the_roles_its_declaration_names(make, browser, role):
    who = await _somebody(make, role)
    page, wrong = browser(who), []
    for path in PLAIN:
        answer = await page.get(path)
        is_open = _needs(path).met_by(ROLES[role])
        if (answer.status_code != 403) != is_open or answer.status_code >= 500:
            wrong.append((path, answer.status_code, is_open))
    assert wrong == []


async def _somebody(make, role):
    if role is Role.PATIENT:
        return await make.patient("Aline", "Uwase")
    if role is Role.CAREGIVER:
        return await make.caregiver(await make.patient("Aline", "Uwase"))
    return await make.user(f"Somebody {role.value}", role)


@pytest.mark.req("N1")
async def test_a_stranger_is_led_to_the_sign_in_page_by_every_route_that_is_not_public(make, browser):
    page, wrong = browser(None), []
    for path, method, _, _ in CLOSED:
        address = _filled(path)
        answer = await (page.get(address) if method == "GET" else page.post(address, token=False))
        if answer.status_code != 303 or not answer.headers["location"].startswith("/sign-in"):
            wrong.append((method, path, answer.status_code))
    assert wrong == []


@pytest.mark.req("N1", "CHK-6.2.10")
@pytest.mark.parametrize("role", list(Role))
async def test_no_post_is_heard_from_a_role_without_its_right(make, browser, role):
    who = await _somebody(make, role)
    page, wrong = browser(who), []
    for path, method, asked, _ in CLOSED:
        if method != "GET" and not asked.met_by(ROLES[role]):
            answer = await page.post(_filled(path))
            if answer.status_code != 403:
                wrong.append((path, answer.status_code))
    assert wrong == []


def test_every_route_declares_what_it_needs():
    assert all(isinstance(asked, Needs) for _, _, asked, _ in ROUTES)
    assert len(PLAIN) > 15


PUBLIC_ROUTES = ("/", "/sign-in", "/forgot", "/reset/", "/bed/", "/static/", "/health/", "/demo/", "/hooks/")


@pytest.mark.req("N1")
def test_only_the_door_and_the_doorstep_are_public():
    found = {path for path, _, asked, _ in ROUTES if asked.is_public}
    assert [path for path in found if path != "/" and not path.startswith(PUBLIC_ROUTES[1:])] == []


def _may(role: Role, path: str) -> bool:
    return _needs(path).met_by(ROLES[role])


@pytest.mark.req("CHK-6.2.1", "N1")
@pytest.mark.parametrize("role", [Role.PATIENT, Role.CAREGIVER])
@pytest.mark.parametrize(
    "path",
    [
        "/nutritionist",
        "/kitchen",
        "/delivery",
        "/admin",
        "/admin/users",
        "/analytics",
        "/analytics/audit",
        "/support",
        "/wards",
        "/health-profiles",
    ],
)
def test_a_patient_opens_no_desk(role, path):
    assert not _may(role, path)


@pytest.mark.req("CHK-6.2.2", "N1")
def test_a_nutritionist_does_not_open_the_kitchen():
    assert not _may(Role.NUTRITIONIST, "/kitchen")


@pytest.mark.req("CHK-6.2.3", "N1")
@pytest.mark.parametrize(
    "path", ["/admin", "/admin/users", "/admin/roles", "/admin/payments", "/admin/orders", "/analytics"]
)
def test_a_carrier_opens_nothing_of_the_administration(path):
    assert not _may(Role.DELIVERY, path)


@pytest.mark.req("CHK-6.2.4", "N1")
def test_only_administrators_create_users():
    assert {role for role in Role if _may(role, "/admin/users/new")} == {Role.ADMIN, Role.SUPER_ADMIN}


@pytest.mark.req("CHK-6.2.5", "N1")
def test_only_doctors_sign_diet_orders_and_nutritionists_under_protocol():
    assert {role for role in STAFF if Can.DIET_SIGN in ROLES[role]} == {Role.DOCTOR, Role.SUPER_ADMIN}
    assert {role for role in STAFF if Can.DIET_SIGN_PROTOCOL in ROLES[role]} == {Role.NUTRITIONIST, Role.SUPER_ADMIN}


@pytest.mark.req("CHK-6.2.7", "N1")
@pytest.mark.parametrize("path", PLAIN)
def test_a_super_admin_opens_everything_but_a_patients_own_portal(path):
    asked = _needs(path)
    assert _may(Role.SUPER_ADMIN, path) or asked.rights == {Can.ORDER_OWN}


@pytest.mark.req("N10")
@pytest.mark.parametrize("role", list(Role))
def test_everybody_may_open_their_own_first_page(role):
    assert _may(role, HOME[role].rstrip("/"))
