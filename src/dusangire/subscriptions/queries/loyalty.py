"""Reads of points: the rule, the card, what is left of what was earned, and the history."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.money import Money
from dusangire.subscriptions.rules import Lot, LoyaltyRule, Take


class Move(Struct, frozen=True):
    """One line of a card's history."""

    kind: str
    points: int
    at: datetime


class Card(Struct, frozen=True):
    """Somebody's points, what they buy, and when the first of them expire."""

    balance: int
    rule: LoyaltyRule
    next_expiry: date | None
    next_points: int

    @property
    def bonus_meals(self) -> int:
        return self.balance // self.rule.bonus_points if self.rule.is_on else 0

    @property
    def missing(self) -> int:
        """Return how many points the next bonus meal still wants."""
        return max(0, self.rule.bonus_points - self.balance)

    @property
    def bonus(self) -> Money:
        """Return what a bonus meal may cost at most."""
        return Money(self.rule.bonus_minor)


class _Next(Struct, frozen=True):
    expires_on: date
    points: int


class _Spent(Struct, frozen=True):
    owner: UUID
    takes: tuple[Take, ...]


async def loyalty_rule(actor: Actor) -> LoyaltyRule:
    """Return the hospital's rule; one that gives nothing where it has none."""
    found = await fetch_one(
        LoyaltyRule,
        "SELECT francs_per_point, bonus_points, bonus_minor, months, is_on FROM loyalty_rule WHERE hospital = $1",
        actor.hospital,
    )
    return found or LoyaltyRule(is_on=False)


async def card(actor: Actor, owner: UUID) -> Card:
    """Return the points of a patient, or of a member of staff by their user."""
    balance = await fetch_value(
        "SELECT balance FROM loyalty_card WHERE hospital = $1 AND owner = $2", actor.hospital, owner
    )
    nearest = await fetch_one(
        _Next,
        """
        SELECT expires_on, sum(left_points)::int AS points FROM point_lot
        WHERE hospital = $1 AND owner = $2 AND left_points > 0 GROUP BY expires_on ORDER BY expires_on LIMIT 1
        """,
        actor.hospital,
        owner,
    )
    rule = await loyalty_rule(actor)
    return Card(balance or 0, rule, nearest.expires_on if nearest else None, nearest.points if nearest else 0)


async def moves(actor: Actor, owner: UUID) -> list[Move]:
    """Return the history of a card, the latest first."""
    return await fetch(
        Move,
        """
        SELECT kind, points, at FROM point_move WHERE hospital = $1 AND owner = $2
        ORDER BY at DESC, id DESC LIMIT 100
        """,
        actor.hospital,
        owner,
    )


async def lock_card(actor: Actor, owner: UUID) -> None:
    """Keep a card until the transaction ends."""
    await fetch_value(
        "SELECT id FROM loyalty_card WHERE hospital = $1 AND owner = $2 FOR UPDATE", actor.hospital, owner
    )


async def lots(actor: Actor, owner: UUID, *, until: date | None = None) -> list[Lot]:
    """Return what is left of what was earned; only what is over by this day where one is named."""
    return await fetch(
        Lot,
        """
        SELECT id, left_points AS "left", point_minor, expires_on FROM point_lot
        WHERE hospital = $1 AND owner = $2 AND left_points > 0 AND ($3::date IS NULL OR expires_on <= $3)
        ORDER BY expires_on, id
        """,
        actor.hospital,
        owner,
        until,
    )


async def spent_on(actor: Actor, tray: UUID) -> tuple[UUID, tuple[Take, ...]] | None:
    """Return whose points paid for a tray, and which, unless they were given back."""
    found = await fetch_one(
        _Spent,
        """
        SELECT owner, takes FROM point_move m WHERE hospital = $1 AND kind = 'spent' AND about = $2
          AND NOT EXISTS (SELECT FROM point_move r WHERE r.hospital = $1 AND r.kind = 'returned' AND r.about = $2)
        """,
        actor.hospital,
        tray,
    )
    return None if found is None else (found.owner, found.takes)
