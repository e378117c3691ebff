"""What the portal shows of one patient at one meal. The menu's advice: from checkout on everything is read anew."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cached_property
from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.diets import queries as diets
from dusangire.diets.rules import (
    Allergy,
    DishFacts,
    DishVerdict,
    Gate,
    Manual,
    Meter,
    Prepared,
    TrayLine,
    Verdict,
    budget,
    prepare,
)
from dusangire.diets.rules import menu as judge_menu
from dusangire.diets.rules.facts import verdict_of
from dusangire.diets.rules.food_drug import FoodDrugNote
from dusangire.diets.rules.medicines import speaks_of
from dusangire.diets.rules.overrides import Override, for_meal, relieved
from dusangire.diets.rules.texture import Served, served
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.money import Money
from dusangire.kernel.money import total as sum_of
from dusangire.kernel.phrase import Named
from dusangire.menu import queries as menu
from dusangire.menu.rules import Card, Nutrients, Sitting, portion_nutrients, portion_price, sittings
from dusangire.orders.queries.bedside import Bedside, Person, bedside
from dusangire.orders.queries.carts import Cart, CartLine
from dusangire.orders.queries.judging import others
from dusangire.orders.queries.orders import Order, is_own_only
from dusangire.orders.rules import (
    Room,
    Shelf,
    Status,
    Why,
    first,
    is_still_orderable,
    main_meters,
    ordered_by,
    room,
    serving_of,
    shelf,
    stop_of,
)


class Portal(Struct, frozen=True, dict=True):
    """One patient's menu at one sitting, judged once. `sittings` are those that can still be ordered."""

    bedside: Bedside
    sitting: Sitting | None
    sittings: tuple[Sitting, ...]
    prepared: Prepared | None
    cards: Mapping[str, Card]
    dishes: Mapping[str, DishFacts]
    now: datetime
    given: tuple[Override, ...] = ()

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

    def noted(self, dish_code: str) -> tuple[FoodDrugNote, ...]:
        """Return what the patient's medicines have to do with one dish."""
        dish = self.dishes.get(dish_code)
        notes = self.prepared.medicines.notes if self.prepared and dish else ()
        return tuple(note for note in notes if dish and speaks_of(note, dish))

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
        if self.given:
            judged = {code: self._relieved_dish(code, found, lines) for code, found in judged.items()}
        return shelf(served, judged, lines)

    def why_not(self, line: TrayLine) -> Why | None:
        """Return why one more line may not join the tray; None where it may."""
        if self.prepared is None or self.stop is not None:
            return self.stop
        answer = self._relieved(self.prepared.judge((*self.cart.tray(), line), Gate.CART), (*self.cart.tray(), line))
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
        answer = self._relieved(self.prepared.judge(self.cart.tray(), Gate.CHECKOUT), self.cart.tray())
        return None if answer.is_allowed else first(answer, self.named)

    def _relieved_dish(self, code: str, found: DishVerdict, lines: tuple[TrayLine, ...]) -> DishVerdict:
        tray = (*lines, TrayLine(code))
        return msgspec.structs.replace(found, verdict=self._relieved(found.verdict, tray))

    def _relieved(self, answer: Verdict, tray: tuple[TrayLine, ...]) -> Verdict:
        if not self.given:
            return answer
        known = [Allergy(one.code, one.severity) for one in self.bedside.allergies]
        return relieved(answer, self.given, tray, known, self.now)

    @cached_property
    def meters(self) -> list[Meter]:
        """What is chosen of each limited nutrient, the ones that matter most."""
        return main_meters(budget(self.prepared, self.cart.tray())) if self.prepared and not self.stop else []

    def tray_of(self, at: Sitting) -> Order | None:
        """Return the tray that is ordered for a sitting, one under way before a stopped one; None without any."""
        found = [tray for tray in self.bedside.trays if (tray.day, tray.period) == (at.day, str(at.period))]
        return min(found, key=lambda tray: tray.status in (Status.HELD, Status.UNDELIVERED), default=None)

    @cached_property
    def room(self) -> Room:
        """What still fits on the tray; each dish named passes as the tray is now."""
        if self.prepared is None or self.stop is not None:
            return Room()
        judge = self.prepared.judge
        return room(self.shelf, self.cart.tray(), lambda lines: judge(lines, Gate.CHECKOUT).is_allowed)

    @cached_property
    def textures(self) -> Mapping[str, Served]:
        """At which IDDSI levels each dish is made for this patient, by code; empty where no texture is ordered."""
        if self.prepared is None:
            return {}
        found = {code: served(dish, self.prepared.held.texture) for code, dish in self.dishes.items()}
        return {code: levels for code, levels in found.items() if levels != Served()}

    @property
    def under_way(self) -> list[Order]:
        """The trays of today and tomorrow, the next meal first."""
        return list(self.bedside.trays)


async def portal(actor: Actor, patient: UUID, day: date | None = None, period: str = "", *, dish: str = "") -> Portal:
    """Return the portal of a patient at the sitting asked for, or at the next that can be ordered. Raises NotHere.

    `dish`: where no sitting is asked for, the next at which this dish is served. Three statements.
    """
    now = clock.now()
    there = await bedside(actor, patient, clock.local_day(now, actor.zone))
    open_now = tuple(
        one
        for one in sittings(there.periods, now, actor.zone)
        if is_still_orderable(actor, one.cutoff_at, one.serve_to, now)
    )
    wanted = next((one for one in open_now if (one.day, str(one.period)) == (day, period)), None)
    at = await diets.revisions(actor)
    cards = await menu.cards(actor, at.menu)
    meals = cards[dish].meals if dish in cards else None
    likely = [one for one in open_now if meals is None or one.meal in meals] or open_now
    chosen = wanted or (likely[0] if likely and day is None else None)
    dishes = await menu.dishes(actor, at.menu)
    manual = await diets.manual(actor, at)
    return Portal(
        bedside=there,
        sitting=chosen,
        sittings=open_now,
        prepared=await _prepared(actor, there, chosen, (manual, dishes), now) if chosen else None,
        cards=cards,
        dishes=dishes,
        now=now,
        given=await _given(actor, patient, chosen),
    )


async def _given(actor: Actor, patient: UUID, at: Sitting | None) -> tuple[Override, ...]:
    """Only staff choose by override; the patient's own menu stays as the diet has it."""
    if at is None or is_own_only(actor):
        return ()
    return for_meal(await diets.overrides(actor, patient), at.day, str(at.period))


async def _prepared(
    actor: Actor, there: Bedside, at: Sitting, by: tuple[Manual, Mapping[str, DishFacts]], now: datetime
) -> Prepared:
    facts = await diets.facts(actor, there.person.id, ordered_by=ordered_by(actor))
    serving = serving_of(at, actor.zone, now)
    trays = others((tray for tray in there.trays if tray.day == at.day), None, actor.zone)
    return prepare(facts, serving, trays, *by, now)


async def person(actor: Actor, patient: UUID) -> Person:
    """Return who the patient is. Raises NotHere."""
    return (await bedside(actor, patient, clock.local_day(clock.now(), actor.zone))).person
