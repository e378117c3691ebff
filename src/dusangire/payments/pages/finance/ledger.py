"""The books: what every account comes to, each entry with its lines, and entries by hand."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.connection import Request
from msgspec import Struct

from dusangire.accounts import queries as accounts
from dusangire.kernel import forms
from dusangire.kernel.access import Actor
from dusangire.kernel.access_point import Acting
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.forms import Form, Limits
from dusangire.kernel.html import Html, go
from dusangire.kernel.ids import short_code
from dusangire.kernel.money import Money, total
from dusangire.kernel.sheets import download, stamp
from dusangire.payments import queries
from dusangire.payments.pages.finance.answer import EXPORT, HOME, MOVE, SEE, Francs, Why, Words, page, status_of, today
from dusangire.payments.queries import Entry, desk
from dusangire.payments.rules.desk import BY_HAND, day_of, uuid_of
from dusangire.payments.rules.ledger import Account, EntryKind
from dusangire.payments.service import office
from dusangire.payments.service.office import Manual

_HEADS = (
    "finance.ledger.at", "finance.ledger.entry", "finance.ledger.kind", "finance.ledger.about",
    "finance.ledger.account", "finance.ledger.party", "finance.ledger.amount", "finance.reason",
)  # fmt: skip


class ByHand(Struct, frozen=True):
    """An entry by hand: what one account gets from another."""

    debit: Account
    credit: Account
    amount: Francs
    why: Words
    key: Annotated[str, Limits(4, 40)]


class Ledger(Controller):
    """Every franc twice."""

    path = f"{HOME}/ledger"

    @get("/", opt=SEE)
    async def show(self, request: Request, actor: Acting) -> Html:
        balances = await queries.balances(actor)
        return page(
            request,
            "ledger",
            **await _earned(request, actor),
            balances=balances,
            debits=total([one.amount for one in balances if one.amount_minor > 0]),
            credits=total([one.amount for one in balances if one.amount_minor < 0]),
            sum=total([one.amount for one in balances]),
            is_balanced=await queries.books_balance(actor),
        )

    @get("/sheet.csv", opt=EXPORT)
    async def sheet(self, request: Request, actor: Acting) -> Response[str]:
        """Write every line of a day's entries, or of one account's."""
        entries = await _entries(request, actor, request.query_params.get("account"), desk.SHEET)
        rows = (
            (
                stamp(one.posted_at, actor.zone), str(one.id), one.kind, one.about, line.account.value,
                str(line.party or ""), line.amount_minor, one.reason,
            )
            for one in entries
            for line in one.postings
        )  # fmt: skip
        return download(request, "ledger", _HEADS, rows)

    @get("/new", opt=MOVE)
    async def new(self, request: Request, actor: Acting) -> Html:
        return _by_hand(request, forms.empty(ByHand))

    @post("/new", opt=MOVE)
    async def enter(self, request: Request, actor: Acting) -> Html:
        form = await forms.read(request, ByHand)
        if form.value is None:
            return _by_hand(request, form)
        said = form.value
        try:
            made = await office.enter(actor, Manual(said.key, said.debit, said.credit, Money(said.amount), said.why))
        except Refusal as refused:
            return _by_hand(request, form, refused)
        return go(request, f"{HOME}/ledger/entries/{made}")

    @get("/accounts/{code:str}", opt=SEE)
    async def account(self, request: Request, actor: Acting, code: str) -> Html:
        if code not in tuple(Account):
            raise NotHere
        account, party = Account(code), uuid_of(request.query_params.get("party"))
        parts = await queries.parties(actor, account)
        entries = await _entries(request, actor, code, 200)
        rows = [(one, _part(one, account, party), _thing(one)) for one in entries]
        ids = [part.party for part in parts if part.party] + [thing for *_, thing in rows if thing]
        return page(
            request,
            "account",
            account=account,
            balance=await queries.balance(actor, account, party),
            parts=[part for part in parts if part.party],
            party=party,
            day=day_of(request.query_params.get("day")),
            rows=rows,
            names=await desk.parties(actor, ids + ([party] if party else [])),
        )

    @get("/entries/{entry_id:uuid}", opt=SEE)
    async def entry(self, request: Request, actor: Acting, entry_id: UUID) -> Html:
        return await _entry(request, actor, entry_id, forms.empty(Why))

    @post("/entries/{entry_id:uuid}/reverse", opt=MOVE)
    async def reverse(self, request: Request, actor: Acting, entry_id: UUID) -> Html:
        form = await forms.read(request, Why)
        if form.value is None:
            return await _entry(request, actor, entry_id, form)
        try:
            mirror = await office.undo_entry(actor, entry_id, why=form.value.why)
        except Refusal as refused:
            return await _entry(request, actor, entry_id, form, refused)
        return go(request, f"{HOME}/ledger/entries/{mirror}")


async def _earned(request: Request, actor: Actor) -> dict[str, Any]:
    """Return what was earned on the days of the address, in the year up to its last day where it names none."""
    said = request.query_params
    until = day_of(said.get("until")) or today(actor)
    since = day_of(said.get("since")) or until.replace(month=1, day=1)
    income = await queries.income(actor, since, until)
    return {"since": since, "until": until, "income": income, "earned": total([one.amount for one in income])}


async def _entries(request: Request, actor: Actor, code: str | None, most: int) -> list[Entry]:
    said = request.query_params
    return await queries.entries(
        actor,
        account=Account(code) if code in tuple(Account) else None,
        party=uuid_of(said.get("party")),
        day=day_of(said.get("day")),
        limit=most,
    )


def _part(one: Entry, account: Account, party: UUID | None) -> Money:
    """What the entry did to the account, or to one party's part of it."""
    return total([line.amount for line in one.postings if line.account is account and party in (None, line.party)])


def _thing(one: Entry) -> UUID | None:
    """What the entry is about, as far as it is one row of ours."""
    return uuid_of(one.about.partition(":")[2])


def _by_hand(request: Request, form: Form[Any], refused: Refusal | None = None) -> Html:
    key = form.typed("key") or short_code(20)
    status = status_of(form, refused)
    return page(request, "entry_new", status=status, accounts=BY_HAND, key=key, form=form, refused=refused)


async def _entry(
    request: Request, actor: Actor, entry_id: UUID, form: Form[Any], refused: Refusal | None = None
) -> Html:
    one = await queries.entry(actor, entry_id)
    if one is None:
        raise NotHere
    kind, thing = one.about.partition(":")[0], _thing(one)
    named = [line.party for line in one.postings if line.party] + ([thing] if thing else [])
    return page(
        request,
        "entry",
        status=status_of(form, refused),
        one=one,
        about=kind,
        thing=thing,
        names=await desk.parties(actor, named),
        by=(await accounts.names(actor, [one.posted_by])).get(one.posted_by),
        may_reverse=one.kind == EntryKind.MANUAL and one.mirror is None,
        form=form,
        refused=refused,
    )
