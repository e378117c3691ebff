"""Managing people: everything takes effect on the next request, everything is in the journal, nobody rises alone."""

import pytest

from dusangire.accounts import queries
from dusangire.accounts import service as accounts
from dusangire.accounts.rules import RightVerb, may_give, may_manage, rights_after
from dusangire.kernel.access import ROLES, Can, Role
from dusangire.kernel.db import acting_as, fetch_value
from dusangire.kernel.errors import NotHere, Refusal
from tests.make import element


async def _post(user):
    return await fetch_value("SELECT id FROM membership WHERE app_user = $1 AND ended_at IS NULL", user.user)


async def _kinds(make, user):
    from dusangire.kernel.journal import history

    return [event.kind for event in await history(make.actor, f"user:{user}")]


@pytest.mark.req("M11", "CHK-6.2.4", "CHK-6.2.8")
async def test_an_admin_creates_a_user_who_is_invited_by_mail(make, grace, browser):
    form = {
        "name": "Aline Nurse",
        "role": "nurse",
        "email": f"Aline.{make.actor.hospital}@Hospital.RW",
        "language": "rw",
    }
    answer = await browser(grace).post("/admin/users/new", form)
    assert answer.status_code == 303
    page = await browser(grace).get(answer.headers["location"])
    assert "A link to choose a password is on its way" in page.text
    person = await queries.person_by_identifier(form["email"].lower())
    assert person is not None
    assert person.password_hash is None
    assert await _kinds(make, person.id) == ["user:created", "membership:added", "password:reset_asked"]


@pytest.mark.req("M11")
@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": "", "role": "nurse", "email": "a@b.rw"}, "Please fill this in"),
        ({"name": "Aline", "role": "", "email": "a@b.rw"}, "Please fill this in"),
        ({"name": "Aline", "role": "chief", "email": "a@b.rw"}, "Choose one"),
        ({"name": "Aline", "role": "nurse"}, "Type an e-mail or a phone number"),
        ({"name": "Aline", "role": "nurse", "email": "not an address"}, "Type an e-mail address"),
        ({"name": "Aline", "role": "nurse", "phone": "12"}, "Type a phone number"),
        ({"name": "Aline", "role": "nurse", "email": "a@b.rw", "language": "xx"}, "Choose one"),
    ],
)
async def test_a_wrong_form_is_shown_again_with_its_errors_and_what_was_typed(grace, browser, form, words):
    answer = await browser(grace).post("/admin/users/new", form)
    assert answer.status_code == 422
    assert words in answer.text
    if form["name"]:
        assert 'value="Aline"' in answer.text


@pytest.mark.req("M11")
async def test_an_address_is_nobodys_twice(grace, bosco, browser):
    taken = (await queries.person(bosco.user)).email
    answer = await browser(grace).post("/admin/users/new", {"name": "Other", "role": "nurse", "email": taken.upper()})
    assert answer.status_code == 422
    assert "There is already an account" in answer.text


@pytest.mark.req("M11")
async def test_somebody_without_an_email_gets_one_once(make, grace, browser):
    number = f"07888{make.actor.hospital:05d}"[:10]
    made = await browser(grace).post("/admin/users/new", {"name": "Phone Only", "role": "kitchen", "phone": number})
    address = made.headers["location"].split("?")[0]
    page = await browser(grace).get(address)
    assert "No e-mail yet" in page.text
    assert (await browser(grace).post(f"{address}/email", {"email": "nonsense"})).status_code == 422
    email = f"phone.{make.actor.hospital}@hospital.rw"
    assert (await browser(grace).post(f"{address}/email", {"email": email})).status_code == 303
    assert (await browser(grace).post(f"{address}/email", {"email": "x" + email})).status_code == 422
    assert (await queries.person_by_identifier(email)) is not None


@pytest.mark.req("M11", "CHK-6.2.6", "CHK-6.2.8", "CHK-6.2.9")
async def test_a_right_taken_away_is_gone_on_the_next_request_and_back_on_the_one_after(make, grace, faustin, browser):
    desk, admin, post = browser(faustin), browser(grace), await _post(faustin)
    assert (await desk.get("/support/")).status_code == 200
    form = {"membership": str(post), "right": "support_work", "verb": "revoke"}
    assert (await admin.post(f"/admin/users/{faustin.user}/rights", form)).status_code == 303
    assert (await desk.get("/support/")).status_code == 403
    assert (await admin.post(f"/admin/users/{faustin.user}/rights", {**form, "verb": "reset"})).status_code == 303
    assert (await desk.get("/support/")).status_code == 200
    assert (await _kinds(make, faustin.user))[-2:] == ["right:revoked", "right:reset"]


@pytest.mark.req("M11", "CHK-6.2.9")
async def test_a_right_granted_opens_its_pages_on_the_next_request(make, grace, didier, browser):
    cook, post = browser(didier), await _post(didier)
    assert (await cook.get("/analytics/")).status_code == 403
    part = await browser(grace).post(
        f"/admin/users/{didier.user}/rights",
        {"membership": str(post), "right": "analytics_see", "verb": "grant"},
        htmx=True,
    )
    assert part.status_code == 200
    assert "Yes, granted" in element(part.text, "person")
    assert (await cook.get("/analytics/")).status_code == 200


@pytest.mark.req("M11", "CHK-6.2.10")
async def test_nobody_changes_their_own_rights_or_roles(grace, habib, browser):
    for who in (grace, habib):
        post, page = await _post(who), browser(who)
        forms = [
            (f"/admin/users/{who.user}/rights", {"membership": str(post), "right": "audit_read", "verb": "grant"}),
            (f"/admin/users/{who.user}/rights", {"membership": str(post), "right": "users_manage", "verb": "revoke"}),
            (f"/admin/users/{who.user}/roles", {"role": "doctor"}),
            (f"/admin/users/{who.user}/roles/{post}/end", {}),
            (f"/admin/users/{who.user}/disable", {}),
        ]
        for path, form in forms:
            answer = await page.post(path, form)
            assert answer.status_code == 403, path
            assert "Nobody changes their own rights" in answer.text
        shown = await page.get(f"/admin/users/{who.user}")
        assert 'name="verb"' not in shown.text


@pytest.mark.req("M11", "CHK-6.2.10")
async def test_nobody_grants_a_right_they_do_not_hold(grace, habib, bosco):
    post = await _post(bosco)
    with pytest.raises(Refusal, match=r"people\.right_not_held"):
        await accounts.change_right(grace, bosco.user, post, Can.DIET_SIGN, RightVerb.GRANT)
    # Negative control: who holds the right may grant it.
    await accounts.change_right(habib, bosco.user, post, Can.DIET_SIGN, RightVerb.GRANT)
    assert Can.DIET_SIGN in (await queries.colleague(habib, bosco.user)).posts[0].rights


@pytest.mark.req("M11", "CHK-6.2.10")
@pytest.mark.parametrize("role", ["admin", "super_admin", "auditor"])
async def test_only_a_super_admin_appoints_those_who_watch_or_govern(*, make, grace, habib, bosco, browser, role):
    form = {"name": "Riser", "role": role, "email": f"{role}.{make.actor.hospital}@hospital.rw"}
    answer = await browser(grace).post("/admin/users/new", form)
    assert answer.status_code == 403
    assert "Only the platform administrator gives this role" in answer.text
    assert await queries.person_by_identifier(form["email"]) is None
    assert (await browser(grace).post(f"/admin/users/{bosco.user}/roles", {"role": role})).status_code == 403
    assert (await browser(habib).post("/admin/users/new", form)).status_code == 303


@pytest.mark.req("M11", "CHK-6.2.10")
async def test_an_admin_changes_nothing_about_a_super_admin_or_another_admin(make, grace, habib, browser):
    other = await make.user("Gisele Admin", Role.ADMIN)
    for above in (habib, other):
        post = await _post(above)
        for path, form in (
            ("disable", {}),
            (f"roles/{post}/end", {}),
            ("rights", {"membership": str(post), "right": "orders_see", "verb": "revoke"}),
            ("invite", {}),
        ):
            assert (await browser(grace).post(f"/admin/users/{above.user}/{path}", form)).status_code == 403, path


@pytest.mark.req("M11", "CHK-6.2.6")
async def test_a_closed_account_is_signed_out_at_once_and_cannot_come_back_until_opened(make, grace, faustin, browser):
    desk, admin = browser(faustin), browser(grace)
    assert (await desk.get("/support/")).status_code == 200
    assert (await admin.post(f"/admin/users/{faustin.user}/disable")).status_code == 303
    assert (await desk.get("/support/")).headers["location"].startswith("/sign-in")
    assert await fetch_value("SELECT count(*) FROM session WHERE app_user = $1", faustin.user) == 0
    assert (await admin.post(f"/admin/users/{faustin.user}/enable")).status_code == 303
    assert (await browser(faustin).get("/support/")).status_code == 200
    assert (await _kinds(make, faustin.user))[-2:] == ["user:disabled", "user:enabled"]


@pytest.mark.req("M11", "CHK-6.2.6")
async def test_a_role_added_and_ended(make, grace, bosco, browser):
    admin = browser(grace)
    assert (await admin.post(f"/admin/users/{bosco.user}/roles", {"role": "kitchen"})).status_code == 303
    assert (await admin.post(f"/admin/users/{bosco.user}/roles", {"role": "kitchen"})).status_code == 409
    nurse = browser(bosco)
    assert (await nurse.get("/account/")).status_code == 200
    as_nurse = await fetch_value("SELECT id FROM membership WHERE app_user = $1 AND role = 'nurse'", bosco.user)
    assert (await admin.post(f"/admin/users/{bosco.user}/roles/{as_nurse}/end")).status_code == 303
    assert (await nurse.get("/account/")).headers["location"].startswith("/sign-in")
    assert [post.role for post in (await queries.colleague(grace, bosco.user)).posts] == [Role.KITCHEN]


@pytest.mark.req("M11", "N7")
async def test_people_of_another_hospital_are_not_here(make, grace, browser):
    other = await (await make.other()).user("Olive Other", Role.NURSE)
    page = browser(grace)
    assert (await page.get(f"/admin/users/{other.user}")).status_code == 404
    for path in ("disable", "invite"):
        assert (await page.post(f"/admin/users/{other.user}/{path}")).status_code == 404
    assert (await page.post(f"/admin/users/{other.user}/roles", {"role": "nurse"})).status_code == 404
    assert "Olive Other" not in (await page.get("/admin/users?q=Olive")).text
    # Negative control: their own administrator sees them.
    with acting_as(other):
        assert [one.name for one in await queries.colleagues(other, "Olive")] == ["Olive Other"]


@pytest.mark.req("N7")
async def test_an_account_used_elsewhere_too_is_not_closed_by_one_hospitals_admin(make, grace, bosco):
    other = await make.other()
    with acting_as(other.actor):
        from dusangire.kernel.db import transaction

        async with transaction():
            await accounts.add_membership(other.actor, bosco.user, Role.NURSE)
    with pytest.raises(Refusal, match=r"people\.elsewhere"):
        await accounts.disable(grace, bosco.user)


async def test_a_right_of_somebody_elses_post_is_not_here(grace, bosco, faustin):
    with pytest.raises(NotHere):
        await accounts.change_right(grace, bosco.user, await _post(faustin), Can.ORDERS_SEE, RightVerb.REVOKE)


async def test_the_list_is_searched_as_a_page_and_as_a_fragment(grace, bosco, faustin, browser):
    page = await browser(grace).get("/admin/users?q=faus")
    assert "Faustin Rwema" in page.text
    assert "Bosco" not in element(page.text, "people")
    part = await browser(grace).get("/admin/users?role=nurse", htmx=True)
    assert part.text.lstrip().startswith('<section id="people"')
    assert "Bosco Habimana" in part.text
    assert "Nobody of this hospital fits" in (await browser(grace).get("/admin/users?q=%25")).text


async def test_the_matrix_of_roles_shows_every_role_and_right(grace, browser):
    page = await browser(grace).get("/admin/roles")
    assert page.text.count('<th scope="row">') == len(Can)
    assert page.text.count("Yes</span>") == sum(len(held) for held in ROLES.values())


@pytest.mark.parametrize("giver", list(Role))
def test_patients_and_caregivers_are_never_made_here(giver):
    assert not may_give(giver, Role.PATIENT)
    assert not may_give(giver, Role.CAREGIVER)
    assert may_manage(Role.SUPER_ADMIN, [giver])


@pytest.mark.parametrize(
    ("granted", "revoked", "right", "verb", "expected"),
    [
        ([], [], Can.MENU_EDIT, RightVerb.GRANT, (["menu_edit"], [])),
        ([], [], Can.KITCHEN_WORK, RightVerb.GRANT, ([], [])),
        ([], [], Can.KITCHEN_WORK, RightVerb.REVOKE, ([], ["kitchen_work"])),
        (["menu_edit"], [], Can.MENU_EDIT, RightVerb.REVOKE, ([], [])),
        (["menu_edit"], ["kitchen_work"], Can.KITCHEN_WORK, RightVerb.RESET, (["menu_edit"], [])),
        ([], ["kitchen_work"], Can.KITCHEN_WORK, RightVerb.GRANT, ([], [])),
    ],
)
def test_what_a_post_has_more_and_less_than_its_role(granted, revoked, right, verb, expected):
    assert rights_after(Role.KITCHEN, granted, revoked, right, verb) == expected
