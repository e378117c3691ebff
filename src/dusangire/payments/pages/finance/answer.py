"""What the pages of the office share: rights, the day of the address, short forms, and how each page is drawn."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any

from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.clock import local_day, now
from dusangire.kernel.errors import Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, whole
from dusangire.payments.rules.desk import day_of

SEE = needs(Can.PAYMENTS_SEE)
EXPORT = needs(Can.PAYMENTS_SEE, fresh=True)
MOVE = needs(Can.MONEY_MOVE, fresh=True)
COUNT = needs(Can.CASH_COUNT)
HOME = "/admin/finance"
MOST = 100_000_000

# The rooms of the office, in the order of their links.
ROOMS = (
    ("", "finance.nav.overview"), ("/payments", "nav.payments"), ("/refunds", "finance.nav.refunds"),
    ("/counter", "finance.nav.counter"), ("/cash", "finance.nav.cash"), ("/bank", "finance.nav.bank"),
    ("/invoices", "finance.nav.invoices"), ("/statements", "finance.nav.statements"),
    ("/reconciliation", "finance.nav.reconciliation"), ("/receipts", "finance.nav.receipts"),
    ("/ledger", "finance.nav.ledger"),
    ("/settings", "finance.nav.settings"),
)  # fmt: skip

Words = Annotated[str, Limits(3, 300)]
Francs = Annotated[int, Limits(1, MOST)]


class Days(Struct, frozen=True):
    """The day a page is about, and those beside it."""

    day: date
    today: date

    @property
    def before(self) -> date:
        return self.day - timedelta(days=1)

    @property
    def after(self) -> date:
        return self.day + timedelta(days=1)


class Why(Struct, frozen=True):
    """A reason, for what may not be done without one."""

    why: Words


def today(actor: Actor) -> date:
    """Return the day it is where the hospital stands."""
    return local_day(now(), actor.zone)


def days(request: Request, actor: Actor) -> Days:
    """Return the day of the address, or today."""
    return Days(day_of(request.query_params.get("day")) or today(actor), today(actor))


def words(request: Request, name: str = "q") -> str:
    """Return what somebody looks for."""
    return str(request.query_params.get(name, "")).strip()[:80]


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> Html:
    """Draw one page of the office."""
    shared = {"rooms": ROOMS, "home": HOME, "local_day": local_day, "form": None, "refused": None}
    return whole(request, f"payments/finance_{template}.html", status=status, **{**shared, **context})


def status_of(form: Form[Any], refused: Refusal | None) -> int:
    """Return the status of a page that is drawn again because something was wrong."""
    return refused.status if refused else 422 if form.errors else 200


def text_of(said: Mapping[str, Any], name: str) -> str:
    return str(said.get(name, "")).strip()
