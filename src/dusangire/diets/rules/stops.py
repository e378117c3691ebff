"""That all trays of a hospital are held."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct


class MealStop(Struct, frozen=True):
    """Why all trays are held, who said so and when; who let them go again."""

    id: UUID
    reason: str
    set_name: str
    set_at: datetime
    ended_name: str | None = None
    ended_at: datetime | None = None
