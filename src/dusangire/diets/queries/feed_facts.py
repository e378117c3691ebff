"""The feeds of a patient as the facts of a verdict carry them."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from dusangire.diets.rules.facts import FeedFacts


class FeedFact(Struct, frozen=True):
    """One feed as the facts of a verdict carry it, read in the one statement that reads everything else."""

    hospital: int
    start: datetime
    end: datetime | None
    confirmed_at: datetime
    is_tube: bool
    unit_ml: Decimal
    unit_kcal: Decimal
    unit_protein_g: Decimal
    hours: int | None
    total_ml: Decimal | None
    rate_ml_h: Decimal | None
    amount: Decimal | None
    times: tuple[time, ...]
    continues_in_npo: bool
    dish: str
    given: dict[date, Decimal]
    suspended_at: datetime | None

    def fact(self) -> FeedFacts:
        values: dict[str, Any] = {name: value for name, value in asdict(self).items() if name != "hospital"}
        return FeedFacts(**values)


FEED_FACTS = """
    (SELECT coalesce(jsonb_agg(jsonb_build_object('hospital', f.hospital, 'start', f.start_at,
            'end', least(f.end_at, f.stopped_at), 'confirmed_at', f.confirmed_at, 'is_tube', f.route = 'tube',
            'unit_ml', f.unit_ml::text, 'unit_kcal', f.unit_kcal::text, 'unit_protein_g', f.unit_protein_g::text,
            'hours', f.hours, 'total_ml', f.total_ml::text, 'rate_ml_h', f.rate_ml_h::text, 'amount', f.amount::text,
            'times', f.times, 'continues_in_npo', f.continues_in_npo, 'dish', f.dish_code,
            'suspended_at', f.suspended_at,
            'given', (SELECT coalesce(jsonb_object_agg(g.day, g.amount::text), '{}') FROM (
                SELECT (x.at AT TIME ZONE h.zone)::date AS day, sum(x.amount) AS amount FROM feed_given x
                JOIN hospital h ON h.id = x.hospital
                WHERE x.hospital = f.hospital AND x.feed_order = f.id AND x.at > now() - interval '2 days'
                GROUP BY 1) g)) ORDER BY f.signed_at, f.id), '[]')
       FROM feed_order f
      WHERE f.hospital = s.hospital AND f.patient = s.patient
        AND coalesce(f.stopped_at, 'infinity') > now() - interval '2 days'
        AND f.admission = (SELECT a.id FROM admission a WHERE a.hospital = s.hospital AND a.patient = s.patient
                           AND a.ended_at IS NULL))
"""
