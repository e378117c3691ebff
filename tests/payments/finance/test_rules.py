"""Cash, the bank's list and statements: golden tables of sums, and every step a shift may take."""

from datetime import date
from itertools import product
from uuid import UUID

import pytest

from dusangire.kernel import text
from dusangire.kernel.machine import NotAllowed
from dusangire.kernel.money import Money
from dusangire.payments.rules import Method, Payer, Purpose, RefundState, State
from dusangire.payments.rules.bank import BadSheet, BankRow, Fit, codes_in, divide, read_sheet
from dusangire.payments.rules.cash import SHIFT, Held, ShiftState, ShiftVerb, hand_over, in_pieces, receiving
from dusangire.payments.rules.codes import with_check
from dusangire.payments.rules.fiscal import TaxClass
from dusangire.payments.rules.ledger import Account, EntryKind
from dusangire.payments.rules.reconciling import Difference
from dusangire.payments.rules.refunds import RefundKind
from dusangire.payments.rules.statement import Kind
from dusangire.payments.rules.statements import Charge, Part, by_payer, totals

ESTHER, SOLANGE, GRACE = UUID(int=1), UUID(int=2), UUID(int=3)


def held(expected: int, counted: int, state: ShiftState = ShiftState.COUNTED, first: UUID | None = None) -> Held:
    return Held(state, ESTHER, Money(expected), Money(counted), Money(1000), first)


@pytest.mark.req("J5")
@pytest.mark.parametrize(
    ("expected", "counted", "variance", "people"),
    [
        (12_500, 12_500, 0, 1),
        (12_500, 12_499, -1, 1),
        (12_500, 12_501, 1, 1),
        (12_500, 11_500, -1000, 1),
        (12_500, 11_499, -1001, 2),
        (12_500, 13_501, 1001, 2),
        (0, 0, 0, 1),
        (800, 0, -800, 1),
        (-500, 0, 500, 1),
    ],
)
def test_what_is_missing_or_too_much_is_named_to_the_franc(expected, counted, variance, people):
    one = held(expected, counted)
    assert (one.variance.minor, one.people) == (variance, people)
    lines = {account.value: amount for account, _, amount in hand_over(one)}
    assert lines == {"cash_safe": counted, "cash_variance": -variance, "cash_float": -expected}
    assert sum(lines.values()) == 0


@pytest.mark.req("J5")
def test_notes_and_coins_come_to_their_sum_and_strange_ones_are_refused():
    assert in_pieces({5000: 2, 2000: 1, 500: 3, 100: 4, 5: 1}) == Money(13_905)
    for wrong in ({3000: 1}, {500: -1}):
        with pytest.raises(ValueError, match="notes and coins"):
            in_pieces(wrong)


@pytest.mark.req("J5")
@pytest.mark.parametrize(
    ("one", "who", "answer"),
    [
        (held(100, 100), SOLANGE, ShiftVerb.CLOSE),
        (held(100, 100), ESTHER, "finance.cash.own_shift"),
        (held(9000, 100), SOLANGE, ShiftVerb.CHECK),
        (held(9000, 100, ShiftState.CHECKED, SOLANGE), SOLANGE, "finance.cash.second_person"),
        (held(9000, 100, ShiftState.CHECKED, SOLANGE), GRACE, ShiftVerb.CLOSE),
        (held(9000, 100, ShiftState.CHECKED, SOLANGE), ESTHER, "finance.cash.own_shift"),
        (held(0, 0, ShiftState.OPEN), SOLANGE, "finance.cash.not_counted"),
        (held(0, 0, ShiftState.CLOSED), SOLANGE, "finance.cash.not_counted"),
    ],
)
def test_who_may_receive_a_shift(one, who, answer):
    assert receiving(one, who) == answer


_STEPS = {
    (ShiftState.OPEN, ShiftVerb.COUNT): ShiftState.COUNTED,
    (ShiftState.COUNTED, ShiftVerb.COUNT): ShiftState.COUNTED,
    (ShiftState.CHECKED, ShiftVerb.COUNT): ShiftState.COUNTED,
    (ShiftState.COUNTED, ShiftVerb.CHECK): ShiftState.CHECKED,
    (ShiftState.COUNTED, ShiftVerb.CLOSE): ShiftState.CLOSED,
    (ShiftState.CHECKED, ShiftVerb.CLOSE): ShiftState.CLOSED,
}


@pytest.mark.req("J5")
@pytest.mark.parametrize(("state", "verb"), list(product(ShiftState, ShiftVerb)))
def test_a_shift_takes_only_the_steps_it_has(state, verb):
    if (state, verb) in _STEPS:
        assert SHIFT.after(state, verb) is _STEPS[state, verb]
    else:
        with pytest.raises(NotAllowed):
            SHIFT.after(state, verb)


@pytest.mark.req("J5")
def test_every_shift_can_be_closed_and_nothing_follows():
    assert SHIFT.reachable() == set(ShiftState)
    assert SHIFT.ends() == {ShiftState.CLOSED}


@pytest.mark.req("J6")
@pytest.mark.parametrize(
    ("left", "due", "used", "over", "still_due", "fit"),
    [
        (5000, 5000, 5000, 0, 0, Fit.EXACT),
        (4999, 5000, 4999, 0, 1, Fit.PART),
        (5001, 5000, 5000, 1, 0, Fit.OVER),
        (0, 5000, 0, 0, 5000, Fit.PART),
        (700, 0, 0, 700, 0, Fit.OVER),
    ],
)
def test_a_line_pays_what_is_due_and_no_franc_is_lost(left, due, used, over, still_due, fit):
    parts = divide(Money(left), Money(due))
    assert (parts.used.minor, parts.over.minor, parts.still_due.minor, parts.fit) == (used, over, still_due, fit)
    assert parts.used + parts.over == Money(left)
    assert parts.used + parts.still_due == Money(due)


@pytest.mark.req("J6")
def test_a_reference_is_found_in_a_banks_message_and_a_mistyped_one_is_none():
    code = with_check("K4M7AB2")
    spaced = code.replace("-", " ").lower()
    assert codes_in(f"TRANSFER REF {code} UWASE A.") == [code]
    assert codes_in(f"meals {spaced}") == [code]
    wrong = [
        code[:at] + sign + code[at + 1 :] for at in range(9) if code[at] != "-" for sign in "2Z" if sign != code[at]
    ]
    assert [one for one in wrong if codes_in(one)] == []
    swapped = code[0] + code[2] + code[1] + code[3:]
    assert codes_in(swapped) == []
    assert codes_in("") == []


@pytest.mark.req("J6")
def test_the_banks_list_is_read_and_money_that_went_out_left_aside():
    sheet = (
        "\ufeffDate,Reference,Description,Debit,Credit,Sender\n"
        '2026-11-20,FT001,"Meals K4M7-AB2Q","","12,500.00",UWASE AMINA\n'
        "20/11/2026,FT002,Charges,150,,\n\n"
        "21/11/2026,FT003,Gift,,RWF 3000,\n"
    )
    assert read_sheet(sheet) == [
        BankRow("FT001", date(2026, 11, 20), Money(12_500), "UWASE AMINA", "Meals K4M7-AB2Q"),
        BankRow("FT003", date(2026, 11, 21), Money(3000), "", "Gift"),
    ]
    assert read_sheet("date;ref;amount\n2026-11-21;A1;500\n") == [BankRow("A1", date(2026, 11, 21), Money(500))]


@pytest.mark.req("J6")
@pytest.mark.parametrize(
    ("sheet", "says"),
    [
        ("date,amount\n2026-11-21,5\n", "line 1: no column for ref"),
        ("", "line 1: no column"),
        ("date,ref,amount\nsoon,A1,500\n", "line 2: 'soon' is no day"),
        ("date,ref,amount\n2026-11-21,A1,12.50\n", "no whole amount"),
        ("date,ref,amount\n2026-11-21,A1,much\n", "is no amount"),
        ("date,ref,amount\n2026-11-21,A1,NaN\n", "no whole amount"),
        ("date,ref,amount\n2026-11-21,,500\n", "line 2: no reference"),
    ],
)
def test_a_list_that_is_none_is_refused_with_its_line(sheet, says):
    with pytest.raises(BadSheet, match=says):
        read_sheet(sheet)


def part(method: str, state: str, amount: int, refunded: int = 0, payer: str = "patient") -> Part:
    return Part(Payer(payer), Method(method), State(state), Money(amount), Money(refunded))


@pytest.mark.req("J7", "J8")
@pytest.mark.parametrize(
    ("charged", "parts", "kept", "waiting", "free", "still_open"),
    [
        (2000, [], 0, 0, 0, 2000),
        (2000, [part("cash", "pending", 2000)], 0, 2000, 0, 2000),
        (2000, [part("cash", "paid", 2000)], 2000, 0, 0, 0),
        (2000, [part("mtn", "failed", 2000), part("cash", "paid", 2000)], 2000, 0, 0, 0),
        (2000, [part("mtn", "unknown", 2000)], 0, 2000, 0, 2000),
        (2000, [part("hospital_account", "charged", 2000)], 2000, 0, 0, 0),
        # Part of it, or all of it, was given free.
        (2000, [part("mtn", "paid", 2000, 500)], 1500, 0, 500, 0),
        (2000, [part("mtn", "paid", 2000, 2000)], 0, 0, 2000, 0),
        # Called off: nothing is charged, everything goes back.
        (0, [part("mtn", "paid", 2000, 2000)], 0, 0, 0, 0),
        (0, [part("mtn", "paid", 2000)], 2000, 0, 0, -2000),
        # The tray became cheaper after it was paid: the difference goes back and nothing was free.
        (1500, [part("mtn", "paid", 2000)], 2000, 0, 0, -500),
        (1500, [part("mtn", "paid", 2000, 500)], 1500, 0, 0, 0),
        # Two payers; one part was refunded while the other is still asked for.
        (2000, [part("fund", "paid", 1000, 1000, "sponsor"), part("cash", "pending", 1000)], 0, 1000, 1000, 1000),
        # Late money never paid for anything.
        (2000, [part("mtn", "late", 2000, 2000), part("cash", "paid", 2000)], 2000, 0, 0, 0),
    ],
)
def test_what_a_tray_costs_who_paid_and_what_is_open(charged, parts, kept, waiting, free, still_open):
    one = Charge(Money(charged), tuple(parts))
    assert (one.kept.minor, one.waiting.minor, one.free.minor, one.open.minor) == (kept, waiting, free, still_open)
    assert one.charged == one.open + one.free + one.kept


@pytest.mark.req("J7", "J9")
def test_a_stay_adds_up_trays_shares_and_what_was_paid_towards_its_account():
    trays = [
        Charge(Money(2000), (part("hospital_account", "charged", 2000),)),
        Charge(Money(3000), (part("hospital_account", "charged", 1000), part("fund", "paid", 2000, payer="sponsor"))),
        Charge(Money(1500), (part("cash", "pending", 1500),)),
        Charge(Money(2500), (part("airtel", "paid", 2500, 500),)),
    ]
    towards = [part("cash", "paid", 1200), part("mtn", "failed", 1800)]
    found = totals(trays, towards, Money(10_000))
    assert (found.charged.minor, found.kept.minor, found.free.minor, found.refunded.minor) == (9000, 7000, 500, 500)
    assert (found.open.minor, found.charged_to_account.minor, found.paid_to_account.minor) == (1500, 3000, 1200)
    assert (found.on_account.minor, found.to_pay.minor, found.under_ceiling.minor) == (1800, 3300, 8200)
    assert not found.is_settled
    assert totals(trays[:2], [part("bank", "paid", 3000)], Money(0)).is_settled
    assert by_payer(trays, towards) == {
        (Payer.PATIENT, Method.HOSPITAL_ACCOUNT): Money(3000),
        (Payer.PATIENT, Method.AIRTEL): Money(2000),
        (Payer.SPONSOR, Method.FUND): Money(2000),
        (Payer.PATIENT, Method.CASH): Money(1200),
    }


def test_every_word_of_the_books_has_its_sentence():
    """The templates put these keys together, so no other test would miss one."""
    kinds = {
        "method": Method, "state": State, "payer": Payer, "purpose": Purpose, "account": Account, "kind": EntryKind,
        "refund": RefundState, "refund_kind": RefundKind, "shift": ShiftState, "tax": TaxClass,
    }  # fmt: skip
    keys = [f"finance.{name}.{one}" for name, kind in kinds.items() for one in kind]
    keys += [f"finance.recon.{one}" for one in [*Difference, *Kind]] + [
        "finance.cash.people.1",
        "finance.cash.people.2",
    ]
    keys += [f"finance.wait.{name}" for name in _WAITS]
    assert [key for key in keys if not text.has(key)] == []


_WAITS = (
    "quarantined", "unknown", "failed_refunds", "refunds_to_pay", "unmatched_lines", "shifts_to_receive", "variances",
    "providers_down", "fiscal_pending",
)  # fmt: skip
