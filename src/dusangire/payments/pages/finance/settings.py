"""The office's settings: where transfers go, when two people receive cash, and the tax class of meals."""

from typing import Annotated, Any

from litestar import Controller, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.kernel import forms
from dusangire.kernel.access import Actor, Can, needs
from dusangire.kernel.access_point import Acting
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go
from dusangire.payments.pages.finance.answer import HOME, MOST, SEE, page, status_of
from dusangire.payments.queries import bank, fiscal
from dusangire.payments.queries.bank import Payee
from dusangire.payments.rules.fiscal import TaxClass
from dusangire.payments.service import office


class Said(Struct, frozen=True):
    """The form of the settings."""

    payee: Annotated[str, Limits(1, 120)]
    bank_name: Annotated[str, Limits(1, 120)]
    bank_account: Annotated[str, Limits(1, 60)]
    variance_limit: Annotated[int, Limits(0, MOST)]
    tax_class: TaxClass


class Settings(Controller):
    """What the office sets itself."""

    path = f"{HOME}/settings"

    @get("/", opt=SEE)
    async def show(self, request: Request, actor: Acting) -> Html:
        now = await bank.payee(actor)
        filled = forms.empty(
            Said, payee=now.payee, bank_name=now.bank_name, bank_account=now.bank_account,
            variance_limit=str(now.variance_limit_minor), tax_class=await fiscal.tax_class(actor),
        )  # fmt: skip
        return await _page(request, actor, filled)

    @post("/", opt=needs(Can.MONEY_MOVE, Can.USERS_MANAGE, fresh=True))
    async def save(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, Said)
        if form.value is None:
            return await _page(request, actor, form)
        said = form.value
        payee = Payee(said.payee, said.bank_name, said.bank_account, said.variance_limit)
        await office.save_settings(actor, office.Settings(payee, said.tax_class.value))
        return go(request, f"{HOME}/settings?saved=1")


async def _page(request: Request, actor: Actor, form: Form[Any]) -> Html:
    return page(
        request,
        "settings",
        status=status_of(form, None),
        form=form,
        classes=TaxClass,
        is_saved="saved" in request.query_params,
    )
