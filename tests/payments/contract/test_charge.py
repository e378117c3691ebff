"""What every provider must do with a charge: the same clients and the same sentences for MTN and Airtel."""

import asyncio

import pytest

from dusangire.kernel.money import Money
from dusangire.payments.rules.providers import (
    Failed,
    NotFound,
    Paid,
    Reason,
    Rejected,
    Started,
    Unknown,
    Waiting,
)
from tests.payments.contract.conftest import Side
from tests.payments.simulated import until


@pytest.mark.req("J2", "J4")
async def test_a_payer_who_approves_has_paid_what_was_asked(side: Side) -> None:
    side.knobs(auto_s=None)
    charge = side.charge(1250)
    assert await side.gateway.start(charge) == Started()
    assert await side.fetch(charge) == Waiting()
    side.press(charge, "approve")
    paid = await side.end(charge)
    assert isinstance(paid, Paid)
    assert (paid.amount, paid.reference) == (Money(1250), str(charge.reference))
    assert paid.provider_ref
    assert paid.phone == (charge.phone if side.is_mtn else None)


async def test_a_payer_who_refuses_has_declined(side: Side) -> None:
    side.knobs(auto_s=None)
    charge = side.charge()
    await side.gateway.start(charge)
    side.press(charge, "refuse")
    answer = await side.end(charge)
    assert isinstance(answer, Failed)
    assert answer.reason is Reason.DECLINED


async def test_a_payer_who_does_not_answer_lets_it_expire(side: Side) -> None:
    side.knobs(auto_s=0.2, expire_s=0.1)
    charge = side.charge()
    await side.gateway.start(charge)
    side.press(charge, "ignore")
    answer = await side.end(charge)
    assert isinstance(answer, Failed)
    assert answer.reason is Reason.EXPIRED


# The last digits of the number, and what becomes of the charge at MTN and at Airtel. None: nobody can say.
_ENDINGS = [
    ("450", Reason.NO_FUNDS, Reason.PAYER_BLOCKED),
    ("451", Reason.DECLINED, Reason.DECLINED),
    ("452", Reason.EXPIRED, Reason.EXPIRED),
    ("455", Reason.NO_SUCH_PAYER, Reason.NO_SUCH_PAYER),
    ("456", Reason.PAYEE_BLOCKED, Reason.PAYEE_BLOCKED),
    ("457", Reason.MISCONFIGURED, Reason.PAYER_BLOCKED),
    ("458", Reason.MISCONFIGURED, Reason.OTHER),
    ("459", Reason.MISCONFIGURED, Reason.EXPIRED),
    ("460", Reason.MISCONFIGURED, Reason.MISCONFIGURED),
    ("461", Reason.NO_FUNDS, None),
    ("462", Reason.PROVIDER_DOWN, Reason.OTHER),
    ("463", Reason.EXPIRED, Reason.EXPIRED),
    ("464", Reason.OTHER, Reason.OTHER),
    ("465", Reason.NO_FUNDS, Reason.NO_FUNDS),
    ("466", Reason.OVER_LIMIT, Reason.OVER_LIMIT),
    ("467", Reason.DECLINED, Reason.WRONG_PIN),
]


@pytest.mark.req("J2", "J4")
@pytest.mark.parametrize(("digits", "mtn", "airtel"), _ENDINGS)
async def test_each_documented_failure_has_its_reason(
    side: Side, digits: str, mtn: Reason | None, airtel: Reason | None
) -> None:
    charge, reason = side.charge(digits=digits), mtn if side.is_mtn else airtel
    answer = await side.gateway.start(charge)
    if answer == Started():
        answer = await side.end(charge)
    if reason is None:
        assert isinstance(answer, Unknown)
    else:
        assert isinstance(answer, Failed | Rejected)
        assert answer.reason is reason
    assert [one["state"] for one in side.payments()] in ([], ["failed"])


@pytest.mark.parametrize("form", ["object", "text"])
async def test_a_reason_is_read_in_both_forms(side: Side, form: str) -> None:
    side.knobs(reason_as=form)
    charge = side.charge(digits="451")
    await side.gateway.start(charge)
    answer = await side.end(charge)
    assert isinstance(answer, Failed)
    assert answer.reason is Reason.DECLINED


async def test_a_refusal_with_an_error_status_is_asked_about_before_it_is_believed(side: Side) -> None:
    side.knobs(refuses_at_once=True)
    answer = await side.gateway.start(side.charge(digits="455"))
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.NO_SUCH_PAYER
    assert side.payments() == []


async def test_an_ongoing_payment_keeps_waiting_and_a_delayed_one_comes_through(side: Side) -> None:
    ongoing, delayed = side.charge(digits="453"), side.charge(digits="454")
    await side.gateway.start(ongoing)
    await side.gateway.start(delayed)
    assert await side.fetch(delayed) == Waiting()
    assert isinstance(await side.end(delayed), Paid)
    assert await side.fetch(ongoing) == Waiting()


@pytest.mark.req("J2")
async def test_an_answer_that_is_lost_is_asked_about_and_charged_once(side: Side) -> None:
    await side.gateway.alive(side.base_url)
    side.knobs(faults=[{"on": "start", "is_done": True, "wait_s": 2}])
    charge = side.charge()
    assert isinstance(await side.gateway.start(charge), Unknown)
    assert isinstance(await side.end(charge), Paid)
    assert [one["state"] for one in side.payments()] == ["successful"]


async def test_a_request_that_was_lost_is_not_found_and_goes_out_again_under_the_same_reference(side: Side) -> None:
    await side.gateway.alive(side.base_url)
    side.knobs(faults=[{"on": "start", "wait_s": 2}])
    charge = side.charge()
    assert isinstance(await side.gateway.start(charge), Unknown)
    assert await side.fetch(charge) == NotFound()
    assert await side.gateway.start(charge) == Started()
    assert isinstance(await side.end(charge), Paid)
    assert len(side.payments()) == 1


@pytest.mark.req("J2", "CHK-4.1.10")
async def test_the_same_reference_sent_five_times_charges_once(side: Side) -> None:
    charge = side.charge()
    answers = [await side.gateway.start(charge) for _ in range(5)]
    assert answers == [Started()] * 5
    await side.end(charge)
    assert [one["reference"] for one in side.payments()] == [side.name(charge.reference)]


async def test_two_references_are_two_payments(side: Side) -> None:
    await side.paid()
    await side.paid()
    assert len(side.payments()) == 2


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_an_error_of_the_provider_is_never_taken_for_a_refusal(side: Side, status: int) -> None:
    await side.gateway.alive(side.base_url)
    side.knobs(faults=[{"on": "start", "status": status, "is_done": True}, {"on": "fetch", "status": status}])
    charge = side.charge()
    assert isinstance(await side.gateway.start(charge), Unknown)
    assert isinstance(await side.fetch(charge), Unknown)
    assert isinstance(await side.end(charge), Paid)


async def test_too_many_requests_means_that_nothing_was_begun(side: Side) -> None:
    side.knobs(faults=[{"on": "start", "status": 429}, {"on": "fetch", "status": 429}])
    charge = side.charge()
    answer = await side.gateway.start(charge)
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.PROVIDER_DOWN
    assert isinstance(await side.fetch(charge), Unknown)
    assert side.payments() == []


async def test_a_token_is_kept_and_renewed_when_the_provider_forgot_it(side: Side) -> None:
    await side.paid()
    side.knobs(faults=[{"on": "token", "status": 500}])
    await side.paid()
    side.providers.reset()
    charge, paid = await side.paid()
    assert paid.reference == str(charge.reference)


async def test_a_provider_that_takes_none_of_its_own_tokens_charges_nothing(side: Side) -> None:
    side.knobs(token_s=0.0)
    answer = await side.gateway.start(side.charge())
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.MISCONFIGURED
    assert side.payments() == []


async def test_a_401_is_tried_once_more_with_a_new_token_and_not_again(side: Side) -> None:
    side.knobs(faults=[{"on": "start", "status": 401}])
    assert await side.gateway.start(side.charge()) == Started()
    side.knobs(faults=[{"on": "start", "status": 401, "times": 2}])
    answer = await side.gateway.start(side.charge())
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.MISCONFIGURED
    assert len(side.payments()) == 1


async def test_no_token_means_that_nothing_was_sent(side: Side) -> None:
    side.knobs(faults=[{"on": "token", "status": 503}, {"on": "token", "wait_s": 4}, {"on": "token", "status": 401}])
    reasons = []
    for _ in range(3):
        answer = await side.gateway.start(side.charge())
        assert isinstance(answer, Rejected)
        reasons.append(answer.reason)
    assert reasons == [Reason.PROVIDER_DOWN, Reason.PROVIDER_DOWN, Reason.MISCONFIGURED]
    assert side.payments() == []


async def test_a_slow_token_and_a_slow_answer_are_waited_for(side: Side) -> None:
    side.knobs(token_latency_s=1.0, latency_s=0.2)
    assert await side.gateway.start(side.charge()) == Started()


async def test_twenty_payments_at_once_share_one_token(side: Side) -> None:
    side.knobs(token_latency_s=0.3, faults=[])
    charges = [side.charge() for _ in range(20)]
    answers = await asyncio.gather(*[side.gateway.start(charge) for charge in charges])
    assert answers == [Started()] * 20
    assert len(side.payments()) == 20


async def test_a_failed_payment_may_succeed_late(side: Side) -> None:
    side.knobs(late_success_s=0.2)
    charge = side.charge(digits="452")
    await side.gateway.start(charge)
    assert isinstance(await side.end(charge), Failed)

    async def late() -> Paid | None:
        answer = await side.fetch(charge)
        return answer if isinstance(answer, Paid) else None

    assert (await until(late)).amount == charge.amount


@pytest.mark.req("J2")
@pytest.mark.parametrize(
    ("knob", "value", "field", "said"),
    [
        ("reported_amount", 1, "amount", Money(1)),
        ("reported_currency", "UGX", "amount", Money(1200, "UGX")),
        (
            "reported_reference",
            "8c1f2d5e-47f5-4c59-9d2e-0f0a6d1a7f10",
            "reference",
            "8c1f2d5e-47f5-4c59-9d2e-0f0a6d1a7f10",
        ),
    ],
)
async def test_a_wrong_amount_currency_or_reference_is_handed_on_for_comparison(
    side: Side, knob: str, value: object, field: str, said: object
) -> None:
    side.knobs(**{knob: value})
    _, paid = await side.paid()
    assert getattr(paid, field) == said


async def test_an_amount_that_is_not_named_is_not_invented(side: Side) -> None:
    side.knobs(names_amount=False)
    charge, paid = await side.paid()
    assert paid.amount == (charge.amount if side.is_mtn else None)


async def test_success_is_told_by_codes_and_not_by_the_word_success(side: Side) -> None:
    side.knobs(says_success_false=True)
    _, paid = await side.paid()
    assert paid.provider_ref


async def test_a_provider_that_is_away_is_said_to_be_away_and_left_alone_for_a_while(side: Side) -> None:
    nobody = side.charge(base_url="http://127.0.0.1:9/nobody")
    assert not await side.gateway.alive(nobody.base_url)
    for _ in range(5):
        answer = await side.gateway.start(nobody)
        assert isinstance(answer, Rejected)
        assert answer.reason is Reason.PROVIDER_DOWN
    assert isinstance(await side.fetch(nobody), Unknown)
    assert side.wire.circuit(nobody.base_url).is_open
    assert await side.gateway.alive(side.base_url)


async def test_a_provider_that_comes_back_is_asked_again(side: Side) -> None:
    await side.gateway.alive(side.base_url)
    side.knobs(faults=[{"on": "fetch", "status": 503, "times": 5}])
    charge = side.charge()
    await side.gateway.start(charge)
    for _ in range(5):
        assert isinstance(await side.fetch(charge), Unknown)
    assert not await side.gateway.alive(side.base_url)
    assert isinstance(await side.fetch(charge), Unknown)
    await asyncio.sleep(0.4)
    assert await side.gateway.alive(side.base_url)
    assert isinstance(await side.end(charge), Paid)
