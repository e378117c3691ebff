"""One account of a stay, whatever is charged to it: trays and plans together never pass its ceiling by a franc."""

from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import pytest

from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import execute
from dusangire.kernel.errors import Refusal
from dusangire.kernel.money import Money
from dusangire.menu import queries as menu
from dusangire.orders import service as orders
from dusangire.orders.queries import CartLine
from dusangire.orders.service.ordering import Origin
from dusangire.orders.service.placing import place_chosen
from dusangire.payments import queries as money
from dusangire.payments.queries import StayAccount, statements
from dusangire.payments.rules import Method
from dusangire.payments.rules.ledger import Account
from dusangire.subscriptions import queries as subscriptions
from dusangire.subscriptions import service as plans
from dusangire.subscriptions.service import Buying
from tests.make import element
from tests.orders.conftest import Bedside, _wired, bedside  # noqa: F401  fixtures
from tests.payments.crowd import rush
from tests.together import Together

WEEK, TRAY = 30_000, 2_000
EACH = 15
# A plan of the starter, sold under many names for what one tray costs.
_COPIES = """
    INSERT INTO plan (id, hospital, code, rev, name_en, name_fr, name_rw, for_role, span, period_days, meals, letters,
        each_meal, daily_cap, regular_minor, discount_percent, price_minor, made_by)
    SELECT gen_random_uuid(), hospital, 'COPY-' || n, 1, name_en, name_fr, name_rw, for_role, span, period_days, meals,
        letters, each_meal, daily_cap, regular_minor, discount_percent, $2, made_by
    FROM plan, generate_series(1, $3) AS n WHERE hospital = $1 AND code = 'PAT-WEEK-7'
"""


async def _ceiling(bed: Bedside, minor: int) -> None:
    await execute("UPDATE admission SET account_ceiling_minor = $2 WHERE hospital = $1", bed.patient.hospital, minor)


async def _stay(bed: Bedside) -> UUID:
    found = await money.stay_account(bed.make.actor, bed.id)
    assert found
    return found.admission


async def _owed(bed: Bedside) -> int:
    return (await money.balance(bed.make.actor, Account.ADMISSION_RECEIVABLE, await _stay(bed))).minor


async def _buy(bed: Bedside, code: str = "PAT-WEEK-7") -> None:
    plan = next(one for one in await subscriptions.current(bed.make.actor) if one.code == code)
    await plans.subscribe(bed.patient, Buying(plan.id, Method.HOSPITAL_ACCOUNT, None))


@pytest.fixture
async def bed(bedside: Bedside) -> Bedside:  # noqa: F811
    await plans.load_starter(bedside.make.actor)
    return bedside


@pytest.mark.req("J7", "K6")
async def test_a_plan_on_the_account_leaves_trays_only_the_rest_of_its_ceiling(bed: Bedside, browser) -> None:
    await _ceiling(bed, WEEK + TRAY)
    await _buy(bed)
    await bed.order("CHK-STW", method=Method.HOSPITAL_ACCOUNT)
    assert await _owed(bed) == WEEK + TRAY
    with pytest.raises(Refusal, match=r"pay\.ceiling"):
        await bed.order("CHK-STW", period="dinner", method=Method.HOSPITAL_ACCOUNT)
    assert await _owed(bed) == WEEK + TRAY
    page = browser(bed.patient)
    await bed.choose("CHK-STW", period="dinner")
    form = {"key": uuid4().hex, "at": f"{(await bed.sitting('dinner')).day}.dinner.", "pay": "hospital_account"}
    assert (await page.post("/checkout/", form)).status_code == 409
    assert await _owed(bed) == WEEK + TRAY


@pytest.mark.req("J7")
async def test_the_statement_shows_the_plan_and_comes_to_what_the_ledger_has(
    bed: Bedside, browser, grace: Actor
) -> None:
    await _ceiling(bed, 50_000)
    await _buy(bed)
    await bed.order("CHK-STW", method=Method.HOSPITAL_ACCOUNT)
    found = await statements.statement(grace, await _stay(bed))
    sums = found.totals
    assert [(one.purpose, one.amount_minor) for one in found.plans] == [("plan", WEEK)]
    assert (sums.on_account, sums.to_pay, sums.under_ceiling) == (Money(WEEK + TRAY), Money(WEEK + TRAY), Money(18_000))
    assert sums.on_account.minor == await _owed(bed)
    page = (await browser(grace).get(f"/admin/finance/statements/{await _stay(bed)}")).text
    assert "Meal plan" in element(page, "towards")
    assert "18,000" in page


@pytest.mark.req("J7")
async def test_what_is_paid_towards_the_account_may_be_charged_again(bed: Bedside, browser) -> None:
    await _ceiling(bed, TRAY)
    await bed.order("CHK-STW", method=Method.HOSPITAL_ACCOUNT)
    with pytest.raises(Refusal, match=r"pay\.ceiling"):
        await bed.order("CHK-STW", period="dinner", method=Method.HOSPITAL_ACCOUNT)
    path = f"/admin/finance/statements/{await _stay(bed)}/pay"
    solange = await bed.make.user("Solange Iradukunda", Role.FINANCE)
    assert (await browser(solange).post(path, {"amount": str(TRAY), "method": "cash"})).status_code == 303
    await orders.place(bed.patient, await bed.checkout("dinner", method=Method.HOSPITAL_ACCOUNT))
    assert await _owed(bed) == TRAY


async def _charge_at_once(bed: Bedside) -> int:
    """Fifteen trays and fifteen plans, each for 2,000 francs; return how many there was room for."""
    actor = bed.make.actor
    await execute(_COPIES, actor.hospital, TRAY, EACH)
    card = (await menu.cards(actor))["CHK-STW"]
    line = CartLine(card.id, card.code, card.name_en, card.name_fr, card.name_rw, Decimal(1), 1)
    wanted = await bed.checkout(method=Method.HOSPITAL_ACCOUNT)
    copies = [one for one in await subscriptions.current(actor) if one.code.startswith("COPY-")]

    async def tray(number: int) -> bool:
        await place_chosen(bed.patient, wanted, (line,), Origin("test", f"{bed.id}:{number}"))
        return True

    async def plan(number: int) -> bool:
        await plans.subscribe(bed.patient, Buying(copies[number].id, Method.HOSPITAL_ACCOUNT, None))
        return True

    tries = [partial(kind, number) for number in range(EACH) for kind in (tray, plan)]
    return sum(got is True for got in await rush(bed.patient, tries))


@pytest.mark.req("J7")
async def test_thirty_charges_at_once_from_trays_and_plans_never_pass_the_ceiling(bed: Bedside) -> None:
    await _ceiling(bed, 11 * TRAY + TRAY - 1)
    assert await _charge_at_once(bed) == 11
    assert await _owed(bed) == 11 * TRAY
    assert await money.books_balance(bed.make.actor)


@pytest.mark.req("J7")
async def test_looking_at_the_account_without_keeping_it_lets_charges_pass_the_ceiling(
    bed: Bedside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the same thirty, and the first tray and the first plan both look before either charges."""

    both = Together()

    async def look(actor: Actor, admission: UUID) -> StayAccount | None:
        assert admission
        found = await money.stay_account(actor, bed.id)
        await both.come()
        return found

    monkeypatch.setattr(money, "locked_stay_account", look)
    await _ceiling(bed, TRAY + TRAY - 1)
    assert await _charge_at_once(bed) > 1
    assert await _owed(bed) > TRAY + TRAY - 1
