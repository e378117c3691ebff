"""The formulary: what can be fed by bottle and tube, its values approximate until a nutritionist signs them."""

from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from dusangire.accounts import service as accounts
from dusangire.diets import queries
from dusangire.diets.tables import FeedProduct
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NoRight, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.wards import service as wards

_TEXTS = ("code", "name_en", "name_fr", "name_rw", "unit", "dish_code", "source")


class ProductAsked(Struct, frozen=True):
    """One product as written. The values are of one `unit`."""

    name_en: str
    name_fr: str
    name_rw: str
    unit: str
    unit_ml: Decimal
    unit_kcal: Decimal
    unit_protein_g: Decimal
    allergens: tuple[str, ...]
    by_mouth: bool
    by_tube: bool
    dish_code: str
    source: str
    is_offered: bool = True


async def load_products(actor: Actor) -> int:
    """Write the products the hospital does not have yet; return how many. Inside the caller's transaction."""
    has = {one.code for one in await queries.products(actor)}
    rows = [row for row in queries.seed_rows("feed_products") if row["code"] not in has]
    for row in rows:
        values: dict[str, Any] = {name: row[name] for name in _TEXTS}
        values |= {name: Decimal(row[name]) for name in ("unit_ml", "unit_kcal", "unit_protein_g")}
        values |= {name: row[name] == "1" for name in ("by_mouth", "by_tube")}
        values["allergens"] = [one for one in row["allergens"].split("|") if one]
        await FeedProduct.insert(FeedProduct(id=uuid7(), hospital=actor.hospital, **values))
    return len(rows)


async def save_product(actor: Actor, code: str, asked: ProductAsked, *, revision: int | None) -> None:
    """Write a product: a new one where `revision` is None. Its sign-off is gone, and feeds that run keep their values.

    A feed that runs and turns out to hold what its patient is allergic to is suspended in the same commit.
    Raises NoRight, NotHere, Refusal("error.changed") where somebody wrote it meanwhile, "feeds.taken".
    """
    if not actor.may(Can.MANUAL_EDIT):
        raise NoRight
    if not (asked.by_mouth or asked.by_tube) or (asked.by_tube and not asked.unit_ml):
        raise Refusal("feeds.no_route", status=422)
    values = {**asdict(asked), "allergens": list(asked.allergens), "validated_by": "", "written_by": actor.user}
    async with transaction():
        fed = await queries.fed_with(actor, code)
        for patient in fed:
            await wards.lock(actor, patient)
        if revision is None:
            if any(one.code == code for one in await queries.products(actor)):
                raise Refusal("feeds.taken", status=422)
            await FeedProduct.insert(FeedProduct(id=uuid7(), hospital=actor.hospital, code=code, **values))
        else:
            await _write(actor, code, revision, values)
        await record(actor, "feed_product:written", f"feed_product:{code}", code=code)
        for patient in fed:
            await wards.changed(actor, patient, why="feed_product:written")


async def sign_product(actor: Actor, code: str, revision: int, password: str) -> None:
    """Sign a product's values as they are on its label. Raises NoRight, NotHere, Refusal for a wrong password.

    Who wrote them last does not sign them where another nutritionist could.
    """
    if not actor.may(Can.MANUAL_SIGN):
        raise NoRight
    if not await accounts.verify_password(actor, password):
        raise Refusal("account.password_wrong", status=422)
    async with transaction():
        wrote = await FeedProduct.select(FeedProduct.written_by).where(
            mine(FeedProduct, actor), FeedProduct.code == code
        )
        others = [one for one in await queries.manual_signers(actor) if one != actor.user]
        if others and wrote and wrote[0]["written_by"] == actor.user:
            raise Refusal("manual.four_eyes", status=403)
        await _write(actor, code, revision, {"validated_by": actor.name})
        await record(actor, "feed_product:signed", f"feed_product:{code}", code=code)


async def _write(actor: Actor, code: str, revision: int, values: dict[Any, Any]) -> None:
    await queries.product(actor, code)
    written_now: dict[Any, Any] = {**values, "revision": revision + 1}
    written = (
        await FeedProduct.update(written_now)
        .where(mine(FeedProduct, actor), FeedProduct.code == code, FeedProduct.revision == revision)
        .returning(FeedProduct.id)
    )
    if not written:
        raise Refusal("error.changed")
