"""What the portal shows of one patient at one meal. The menu's advice: from checkout on everything is read anew."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cached_property
from uuid import UUID

from msgspec import Struct

from dusangire.diets import queries as diets
from dusangire.diets.rules import DishFacts, Gate, Meter, Prepared, TrayLine, budget, prepare
from dusangire.diets.rules import menu as judge_menu
from dusangire.diets.rules.facts import verdict_of
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_one, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.kernel.money import total as sum_of
from dusangire.kernel.phrase import Named
from dusangire.menu import queries as menu
from dusangire.menu.rules import Card, Nutrients, Period, Sitting, portion_nutrients, portion_price, sittings
from dusangire.orders.queries.carts import CART_ROWS, Cart, CartLine
from dusangire.orders.queries.judging import others
from dusangire.orders.queries.orders import ORDER_ROWS, Order
from dusangire.orders.rules import (
    GONE,
    Shelf,
    Why,
    first,
    is_still_orderable,
    main_meters,
    ordered_by,
    serving_of,
    shelf,
    stop_of,
)


class Person(Struct, frozen=True):
    """Who the portal is drawn for, and where they lie."""

    id: UUID
    given_name: str
    family_name: str
    bed_code: str | None
    ward_name_en: str | None
    ward_name_fr: str | None
    ward_name_rw: str | None

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    def ward_name(self, language: str) -> str:
        return {"fr": self.ward_name_fr, "rw": self.ward_name_rw}.get(language, self.ward_name_en) or ""


class Signed(Struct, frozen=True):
    """A diet order in words: its codes, who signed it and when."""

    codes: tuple[str, ...]
    by: str
    at: datetime
    start_at: datetime
    end_at: datetime | None


class Allergic(Struct, frozen=True):
    """One allergy as the patient's banner names it."""

    code: str
    severity: str


class Bedside(Struct, frozen=True):
    """Everything but the facts of the verdict, read in one statement."""

    person: Person
    trays: tuple[Order, ...]
    carts: tuple[Cart, ...]
    periods: tuple[Period, ...]
    signed: tuple[Signed, ...]
    allergies: tuple[Allergic, ...]


class Portal(Struct, frozen=True, dict=True):
    """One patient's menu at one sitting, judged once. `sittings` are those that can still be ordered."""

    bedside: Bedside
    sitting: Sitting | None
    sittings: tuple[Sitting, ...]
    prepared: Prepared | None
    cards: Mapping[str, Card]
    dishes: Mapping[str, DishFacts]
    now: datetime

    @property
    def person(self) -> Person:
        return self.bedside.person

    @property
    def cart(self) -> Cart:
        """What is chosen for this sitting."""
        return self.cart_of(self.sitting)

    def cart_of(self, at: Sitting | None) -> Cart:
        """Return what is chosen for a sitting."""
        if at is None:
            return Cart(None, clock.local_day(self.now, "UTC"), "")
        found = (one for one in self.bedside.carts if one.day == at.day and one.period == str(at.period))
        return next(found, Cart(None, at.day, str(at.period)))

    @property
    def total(self) -> Money:
        """What the tray costs now."""
        return sum_of([self.line_total(line) for line in self.cart.lines])

    def line_total(self, line: CartLine) -> Money:
        card = self.cards.get(line.dish_code)
        return portion_price(card.price, line.portion) * line.quantity if card else Money(0)

    def inside(self, line: CartLine) -> Nutrients:
        """Return what one portion of a line holds."""
        card = self.cards.get(line.dish_code)
        return portion_nutrients(card.nutrients, line.portion) if card else Nutrients()

    @cached_property
    def stop(self) -> Why | None:
        """Why nothing at all may be ordered; None where something may."""
        return stop_of(self.prepared) if self.prepared else None

    @cached_property
    def shelf(self) -> Shelf:
        """Every dish served at this meal, what suits first."""
        return self.shelf_with(self.cart.tray())

    def shelf_with(self, lines: tuple[TrayLine, ...]) -> Shelf:
        """Return the shelf as it is when these lines are on the tray."""
        if self.prepared is None or self.sitting is None or self.stop is not None:
            return Shelf((), ())
        served = {code: card for code, card in self.cards.items() if self.sitting.meal in card.meals}
        judged = judge_menu(self.prepared, {code: self.dishes[code] for code in served}, lines)
        return shelf(served, judged, lines)

    def why_not(self, line: TrayLine) -> Why | None:
        """Return why one more line may not join the tray; None where it may."""
        if self.prepared is None or self.stop is not None:
            return self.stop
        answer = self.prepared.judge((*self.cart.tray(), line), Gate.CART)
        found = verdict_of([reason for reason in answer.reasons if reason.dish in (None, line.dish)])
        return None if found.is_allowed else first(found, self.named)

    def named(self, code: str) -> Named | None:
        """Return the names of a dish by its code."""
        card = self.cards.get(code)
        return Named(card.name_en, card.name_fr, card.name_rw) if card else None

    @cached_property
    def whole(self) -> Why | None:
        """Why the tray as it is could not be ordered; None where it could."""
        if self.prepared is None or not self.cart.lines:
            return self.stop
        answer = self.prepared.judge(self.cart.tray(), Gate.CHECKOUT)
        return None if answer.is_allowed else first(answer, self.named)

    @cached_property
    def meters(self) -> list[Meter]:
        """What is chosen of each limited nutrient, the ones that matter most."""
        return main_meters(budget(self.prepared, self.cart.tray())) if self.prepared and not self.stop else []

    def tray_of(self, at: Sitting) -> Order | None:
        """Return the tray that is ordered for a sitting; None where there is none."""
        found = (tray for tray in self.bedside.trays if (tray.day, tray.period) == (at.day, str(at.period)))
        return next(found, None)

    @property
    def under_way(self) -> list[Order]:
        """The trays of today and tomorrow, the next meal first."""
        return list(self.bedside.trays)


async def portal(actor: Actor, patient: UUID, day: date | None = None, period: str = "", *, dish: str = "") -> Portal:
    """Return the portal of a patient at the sitting asked for, or at the next that can be ordered. Raises NotHere.

    `dish`: where no sitting is asked for, the next at which this dish is served.
    """
    now = clock.now()
    there = await bedside(actor, patient, clock.local_day(now, actor.zone))
    open_now = tuple(
        one
        for one in sittings(there.periods, now, actor.zone)
        if is_still_orderable(actor, one.cutoff_at, one.serve_to, now)
    )
    wanted = next((one for one in open_now if (one.day, str(one.period)) == (day, period)), None)
    cards = await menu.cards(actor)
    meals = cards[dish].meals if dish in cards else None
    likely = [one for one in open_now if meals is None or one.meal in meals] or open_now
    chosen = wanted or (likely[0] if likely and day is None else None)
    dishes = await menu.dishes(actor)
    return Portal(
        bedside=there,
        sitting=chosen,
        sittings=open_now,
        prepared=await _prepared(actor, there, chosen, dishes, now) if chosen else None,
        cards=cards,
        dishes=dishes,
        now=now,
    )


async def stamp(actor: Actor, patient: UUID, today: date) -> str:
    """Return what changes whenever anything does that a patient's menu shows, but the clock. One statement.

    Raises NotHere for a stranger.
    """
    found = await fetch_value(
        """
        SELECT concat_ws('/', s.safety_rev,
            (SELECT rev FROM menu_revision WHERE hospital = $1), (SELECT rev FROM manual_revision WHERE hospital = $1),
            (SELECT bed FROM stay WHERE hospital = $1 AND patient = $2 AND ended_at IS NULL),
            (SELECT string_agg(o.id || o.status || o.status_at, ',' ORDER BY o.id) FROM meal_order o
             WHERE o.hospital = $1 AND o.patient = $2 AND o.day >= $3),
            (SELECT string_agg(concat(c.id, l.dish, l.portion, 'x', l.quantity), ',' ORDER BY l.id) FROM cart c
             JOIN cart_line l ON l.hospital = c.hospital AND l.cart = c.id
             WHERE c.hospital = $1 AND c.patient = $2 AND c.day >= $3 AND c.checked_out_at IS NULL))
        FROM patient_safety s WHERE s.hospital = $1 AND s.patient = $2
        """,
        actor.hospital,
        patient,
        today,
    )
    if found is None:
        raise NotHere
    return str(found)


async def bedside(actor: Actor, patient: UUID, today: date) -> Bedside:
    """Return who the patient is, and their trays and carts from today on. One statement. Raises NotHere."""
    found = await fetch_one(
        Bedside,
        f"""
        SELECT (SELECT jsonb_build_object('id', p.id, 'given_name', p.given_name, 'family_name', p.family_name,
                    'bed_code', b.code, 'ward_name_en', w.name_en, 'ward_name_fr', w.name_fr, 'ward_name_rw', w.name_rw)
                FROM patient p
                LEFT JOIN stay s ON s.hospital = p.hospital AND s.patient = p.id AND s.ended_at IS NULL
                LEFT JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
                LEFT JOIN ward w ON w.hospital = b.hospital AND w.id = b.ward
                WHERE p.hospital = $1 AND p.id = $2) AS person,
               (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.serve_from, t.placed_at), '[]') FROM (
                    {ORDER_ROWS}
                    WHERE o.hospital = $1 AND o.patient = $2 AND o.day >= $3 AND o.status <> ALL($4::text[])
                ) t) AS trays,
               (SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM (
                    {CART_ROWS} WHERE c.hospital = $1 AND c.patient = $2 AND c.day >= $3 AND c.checked_out_at IS NULL
                ) t) AS carts,
               (SELECT coalesce(jsonb_agg(to_jsonb(m) ORDER BY m.serve_from), '[]') FROM (
                    SELECT code, cutoff, serve_from, serve_to FROM meal_period WHERE hospital = $1) m) AS periods,
               (SELECT coalesce(jsonb_agg(jsonb_build_object('codes', d.codes, 'by', coalesce(u.name, ''),
                    'at', d.signed_at, 'start_at', d.start_at, 'end_at', d.end_at) ORDER BY d.signed_at), '[]')
                FROM diet_order d LEFT JOIN app_user u ON u.id = d.signed_by
                WHERE d.hospital = $1 AND d.patient = $2 AND d.status = 'active' AND d.signed_at IS NOT NULL) AS signed,
               (SELECT coalesce(jsonb_agg(jsonb_build_object('code', a.code, 'severity', a.severity)
                    ORDER BY a.recorded_at), '[]')
                FROM allergy a WHERE a.hospital = $1 AND a.patient = $2 AND a.ended_at IS NULL) AS allergies
        FROM patient p WHERE p.hospital = $1 AND p.id = $2
        """,  # noqa: S608  columns of ours
        actor.hospital,
        patient,
        today,
        [str(status) for status in GONE],
    )
    if found is None:
        raise NotHere
    return found


async def _prepared(
    actor: Actor, there: Bedside, at: Sitting, dishes: Mapping[str, DishFacts], now: datetime
) -> Prepared:
    facts = await diets.facts(actor, there.person.id, ordered_by=ordered_by(actor))
    serving = serving_of(at, actor.zone, now)
    trays = others((tray for tray in there.trays if tray.day == at.day), None, actor.zone)
    return prepare(facts, serving, trays, await diets.manual(actor), dishes, now)


async def person(actor: Actor, patient: UUID) -> Person:
    """Return who the patient is. Raises NotHere."""
    return (await bedside(actor, patient, clock.local_day(clock.now(), actor.zone))).person
