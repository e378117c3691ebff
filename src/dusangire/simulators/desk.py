"""What people see of the simulators: the page that plays the telephone, and the provider's list of a day."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from html import escape

from dusangire.payments.rules.providers import Provider
from dusangire.payments.rules.statement import FORMS
from dusangire.simulators.knobs import BY_NUMBER
from dusangire.simulators.till import KIGALI, Payment, Till

_SHOWN = 50
_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Telephones of the demo</title>
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="3">
<style>body{font:1rem/1.5 system-ui;max-width:60rem;margin:1rem auto;padding:0 1rem}
ul{padding:0;list-style:none}li{padding:.6rem 0;border-top:1px solid #ccc}form{display:inline}
button{font:inherit;padding:.6rem 1rem;min-height:44px;margin-inline-end:.5rem}</style>
<h1>Telephones of the demo</h1>
<p>No money moves here. Each request to pay waits on a telephone until somebody answers it, or answers itself.</p>"""


def page(tills: Mapping[str, Till], today: date) -> str:
    """Return the page: what waits on the telephones, what ended, the numbers that play an outcome."""
    payments = [(name, payment) for name, till in tills.items() for payment in list(till.payments.values())[-_SHOWN:]]
    waiting = [_waits(name, one) for name, one in reversed(payments) if one.state == "pending"]
    ended = [f"<li>{_words(name, one)}: {one.state}</li>" for name, one in reversed(payments) if one.state != "pending"]
    numbers = "".join(f"<li>… {number}: {escape(one.name)}</li>" for number, one in BY_NUMBER.items())
    lists = " · ".join(
        f'<a href="/_statement?provider={name}&amp;day={today}">{name.upper()} {today}</a>'
        for name in ("mtn", "airtel")
    )
    return (
        f"{_HEAD}<h2>Waiting</h2><ul>{''.join(waiting) or '<li>Nothing waits.</li>'}</ul>"
        f"<h2>Ended</h2><ul>{''.join(ended) or '<li>Nothing yet.</li>'}</ul><h2>Statements</h2><p>{lists}</p>"
        f"<h2>Numbers that end in</h2><ul>{numbers}</ul></html>"
    )


def _words(name: str, payment: Payment) -> str:
    said = f"{name.upper()} {payment.phone}: {payment.amount:,} {payment.currency} · {payment.note}"
    return escape(said)


def _waits(name: str, payment: Payment) -> str:
    words, place = _words(name, payment), f"/_prompts/{name}/{escape(payment.reference)}"
    buttons = "".join(
        f'<form method="post" action="{place}/{verb.lower()}"><button>{verb}</button></form>'
        for verb in ("Approve", "Refuse", "Ignore")
    )
    return f"<li><p>{words}{' (ignored)' if payment.is_ignored else ''}</p>{buttons}</li>"


def statement(till: Till, day: date) -> str:
    """Return the day as the provider's portal lists it. The knob shifts the first amount, so that a check finds it."""
    form = FORMS[Provider(till.name)]
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(form.columns)
    shift = till.knobs.statement_shift
    for number, (ref, reference, at, kind, amount, currency) in enumerate(_movements(till, day)):
        shown = amount + (shift if number == 0 else 0)
        rows.writerow((ref, reference, f"{at:%Y-%m-%d %H:%M:%S}", kind, form.done, shown, currency))
    return out.getvalue()


_Movement = tuple[str, str, datetime, str, int, str]


def _movements(till: Till, day: date) -> Iterable[_Movement]:
    return sorted((one for one in _all(till) if one[2].date() == day), key=lambda one: one[2])


def _all(till: Till) -> Iterator[_Movement]:
    paid, refunded, paid_out = list(FORMS[Provider(till.name)].kinds)
    for payment in till.payments.values():
        if payment.state == "successful" and payment.ended_at is not None:
            at = payment.ended_at.astimezone(KIGALI)
            reference = payment.external if till.name == "mtn" else payment.reference
            yield payment.provider_ref, reference, at, paid, payment.amount, payment.currency
    for refund in till.refunds.values():
        if not (refund.outcome.mtn or refund.outcome.airtel or refund.outcome.is_open):
            kind = refunded if till.name == "mtn" or refund.reference == refund.of else paid_out
            at = refund.at.astimezone(KIGALI)
            yield refund.provider_ref, refund.reference, at, kind, refund.amount, refund.currency
