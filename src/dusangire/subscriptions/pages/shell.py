"""What the pages of plans share: whose layout they wear, the ways to pay, and what a plan is made of."""

from typing import Annotated, Any

from litestar.connection import Request
from msgspec import Struct

from dusangire.accounts import queries as accounts
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, whole
from dusangire.payments.rules import Method
from dusangire.payments.rules.providers import e164
from dusangire.subscriptions.rules import ForRole
from dusangire.subscriptions.rules.paying import ICONS
from dusangire.subscriptions.rules.plans import methods, role_of

OWN = needs(Can.PLAN_OWN)


class Paying(Struct, frozen=True):
    """How a plan is paid."""

    method: Method
    phone: Annotated[str, Limits(most=20)] = ""
    insists: bool = False

    @property
    def number(self) -> str | None:
        return e164(self.phone) if self.method.is_mobile else None


def checked(form: Form[Paying], actor: Actor) -> Form[Paying]:
    """Return the form, refused where a telephone pays and its number is none of ours, or the way is not offered."""
    said = form.value
    if said is not None and said.method not in methods(role_of(actor)):
        return form.refuse("method", "form.choose_one")
    if said is not None and said.method.is_mobile and said.number is None:
        return form.refuse("phone", "payments.no_such_phone")
    return form


async def draw(request: Request, actor: Actor, page: str, *, status: int = 200, **shown: Any) -> Html:
    """Draw a page in the layout of the person: a telephone's for patients and relatives, their desk's for staff."""
    is_staff = role_of(actor) is ForRole.STAFF
    shell = "desk.html" if is_staff else "layout.html"
    return whole(request, page, status=status, shell=shell, is_staff=is_staff, **shown)


async def ways(actor: Actor) -> dict[str, Any]:
    """Return what the choice of a way to pay needs."""
    person = await accounts.person(actor.user)
    offered = [(method, ICONS[method]) for method in methods(role_of(actor))]
    return {"ways": offered, "phone": (person.phone if person else None) or ""}
