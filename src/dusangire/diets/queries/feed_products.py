"""Reads of the formulary: what can be fed by bottle and tube, and who is fed with it."""

from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere


class Product(Struct, frozen=True):
    """One product of the formulary. The values are of one unit; `validated_by` is empty until somebody signs them."""

    id: UUID
    code: str
    name_en: str
    name_fr: str
    name_rw: str
    unit: str
    unit_ml: Decimal
    unit_kcal: Decimal
    unit_protein_g: Decimal
    allergens: frozenset[str]
    by_mouth: bool
    by_tube: bool
    dish_code: str
    source: str
    validated_by: str
    is_offered: bool
    revision: int

    def name(self, lang: str) -> str:
        return {"fr": self.name_fr, "rw": self.name_rw}.get(lang, self.name_en)


_PRODUCT = """
    SELECT id, code, name_en, name_fr, name_rw, unit, unit_ml, unit_kcal, unit_protein_g, allergens, by_mouth, by_tube,
           dish_code, source, validated_by, is_offered, revision
    FROM feed_product WHERE hospital = $1
"""


async def products(actor: Actor, *, offered: bool = False) -> list[Product]:
    """Return the formulary by name; `offered` leaves out what is no longer given."""
    return await fetch(
        Product, _PRODUCT + " AND (is_offered OR NOT $2) ORDER BY name_en, code", actor.hospital, offered
    )


async def product(actor: Actor, code: str) -> Product:
    """Return one product. Raises NotHere."""
    found = await fetch_one(Product, _PRODUCT + " AND code = $2", actor.hospital, code)
    if found is None:
        raise NotHere
    return found


class _Fed(Struct, frozen=True):
    patient: UUID


async def fed_with(actor: Actor, code: str) -> list[UUID]:
    """Return the patients whom a feed of this product is ordered for, in the order in which their rows are locked."""
    rows = await fetch(
        _Fed,
        """
        SELECT DISTINCT f.patient FROM feed_order f
        JOIN feed_product p ON p.hospital = f.hospital AND p.id = f.product
        JOIN admission a ON a.hospital = f.hospital AND a.id = f.admission AND a.ended_at IS NULL
        WHERE f.hospital = $1 AND p.code = $2 AND f.stopped_at IS NULL AND coalesce(f.end_at, 'infinity') > now()
        ORDER BY f.patient
        """,
        actor.hospital,
        code,
    )
    return [row.patient for row in rows]
