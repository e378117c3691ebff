"""The provider's own list of a day, as its portal gives it, read for reconciliation."""

import csv
import io
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.money import Money
from dusangire.payments.rules.providers import Provider

# The portals write Kigali's time, which has no summer time, without saying so.
_KIGALI = timezone(timedelta(hours=2))


class Kind(StrEnum):
    """What a line of the statement is."""

    PAYMENT = "payment"
    REFUND = "refund"


class StatementLine(Struct, frozen=True):
    """One movement as the provider has it. amount: never negative, `kind` gives the direction. at: in UTC.

    reference: as `str(UUID)` where it is one of ours. Airtel's own refunds carry the reference of the payment.
    """

    provider_ref: str
    reference: str
    amount: Money
    at: datetime
    kind: Kind


class BadStatement(Exception):
    """The file is not a statement of this provider; the message names the line and what is wrong."""


class _Form(Struct, frozen=True):
    """The names of the columns and the words in them."""

    provider_ref: str
    reference: str
    at: str
    kind: str
    status: str
    amount: str
    currency: str
    done: str
    kinds: dict[str, Kind]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.provider_ref, self.reference, self.at, self.kind, self.status, self.amount, self.currency)


FORMS = {
    Provider.MTN: _Form(
        "Id", "External Transaction Id", "Date", "Type", "Status", "Amount", "Currency", "Successful",
        {"Payment": Kind.PAYMENT, "Refund": Kind.REFUND, "Transfer": Kind.REFUND},
    ),
    Provider.AIRTEL: _Form(
        "Transaction ID", "Reference ID", "Date & Time", "Service Type", "Status", "Amount", "Currency", "Success",
        {"Merchant Payment": Kind.PAYMENT, "Refund": Kind.REFUND, "Disbursement": Kind.REFUND},
    ),
}  # fmt: skip


def parse_statement(provider: Provider, text: str) -> list[StatementLine]:
    """Return the movements of a statement that came about, in the order of the file. Raises BadStatement."""
    form = FORMS[provider]
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    lacking = [name for name in form.columns if name not in (rows.fieldnames or ())]
    if lacking:
        raise BadStatement(f"line 1: no column {', '.join(lacking)}")
    return [_line(form, row, number) for number, row in enumerate(rows, start=2) if _is_done(form, row, number)]


def _is_done(form: _Form, row: dict[str, str | None], number: int) -> bool:
    cut = [name for name in form.columns if row[name] is None]
    if cut:
        raise BadStatement(f"line {number}: ends before {cut[0]}")
    return (row[form.status] or "").strip().casefold() == form.done.casefold()


def _line(form: _Form, row: dict[str, str], number: int) -> StatementLine:
    kind = form.kinds.get((row[form.kind] or "").strip())
    if kind is None:
        raise BadStatement(f"line {number}: {row[form.kind]!r} is no known {form.kind}")
    try:
        amount = Decimal((row[form.amount] or "").replace(",", "").replace(" ", ""))
        at = datetime.fromisoformat((row[form.at] or "").strip())
    except (InvalidOperation, ValueError) as error:
        raise BadStatement(f"line {number}: {error}") from error
    if not amount.is_finite() or amount != int(amount):
        raise BadStatement(f"line {number}: {amount} is no whole amount")
    when = at if at.tzinfo else at.replace(tzinfo=_KIGALI)
    money = Money(abs(int(amount)), (row[form.currency] or "").strip())
    return StatementLine(
        row[form.provider_ref].strip(), _ours(row[form.reference].strip()), money, when.astimezone(UTC), kind
    )


def _ours(reference: str) -> str:
    try:
        return str(UUID(reference))
    except ValueError:
        return reference
