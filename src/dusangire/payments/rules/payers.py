"""Who pays which part of a meal: rules by payer class, and shares exact to the franc."""

from collections.abc import Iterable, Mapping
from datetime import date
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.money import Money
from dusangire.payments.rules.machine import Payer

# The order in which equal remainders get the odd franc.
PAYERS = (Payer.PATIENT, Payer.SPONSOR, Payer.HOSPITAL, Payer.INSURER)


class PayerRule(Struct, frozen=True):
    """Whose share is how many percent, for one payer class. Empty periods or weekdays (1 Monday … 7) mean all."""

    id: UUID
    payer_class: str
    periods: tuple[str, ...]
    weekdays: tuple[int, ...]
    patient_percent: int
    hospital_percent: int
    insurer_percent: int
    sponsor_percent: int
    fund: UUID | None
    begins_on: date

    def percents(self) -> dict[Payer, int]:
        return {
            Payer.PATIENT: self.patient_percent,
            Payer.SPONSOR: self.sponsor_percent,
            Payer.HOSPITAL: self.hospital_percent,
            Payer.INSURER: self.insurer_percent,
        }


def rule_for(rules: Iterable[PayerRule], payer_class: str, day: date, period: str) -> PayerRule | None:
    """Return the rule of this class for a meal: one that names meals or days goes before one for all, then the newest.

    None where no rule is in force: the patient pays all of it. Neither CBHI nor RSSB covers food, so none is built in.
    """
    fitting = [
        rule
        for rule in rules
        if rule.payer_class == payer_class
        and rule.begins_on <= day
        and (not rule.periods or period in rule.periods)
        and (not rule.weekdays or day.isoweekday() in rule.weekdays)
    ]
    return max(fitting, key=_closeness, default=None)


def _closeness(rule: PayerRule) -> tuple[int, date, int]:
    return bool(rule.periods) + bool(rule.weekdays), rule.begins_on, rule.id.int


def split(whole: Money, percents: Mapping[Payer, int]) -> dict[Payer, Money]:
    """Return each payer's francs, which sum to the whole: rounded down, the odd francs to the largest remainders.

    Raises ValueError where the percents do not make a hundred, or one is negative.
    """
    if sum(percents.values()) != 100 or min(percents.values()) < 0 or whole.minor < 0:
        raise ValueError(f"{dict(percents)} of {whole} cannot be divided")
    floors = {payer: whole.minor * percents.get(payer, 0) // 100 for payer in PAYERS}
    odd = whole.minor - sum(floors.values())
    by_remainder = sorted(
        PAYERS, key=lambda payer: (-(whole.minor * percents.get(payer, 0) % 100), PAYERS.index(payer))
    )
    return {payer: Money(floors[payer] + (1 if payer in by_remainder[:odd] else 0)) for payer in PAYERS}
