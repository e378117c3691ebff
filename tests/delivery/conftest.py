"""A tray on its way, and the card of the bed it goes to."""

from collections.abc import Awaitable, Callable

import pytest

from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import acting_as
from dusangire.wards import queries as wards
from tests.kitchen.conftest import Bedside, Tray, _wired, bedside, tray
from tests.make import Make

__all__ = ["Bedside", "Card", "Tray", "_wired", "bedside", "tray"]

Card = Callable[[str], Awaitable[str]]


@pytest.fixture
async def carrier(make: Make) -> Actor:
    return await make.user("Second Carrier", Role.DELIVERY)


@pytest.fixture
def card(make: Make) -> Card:
    """Return what the camera reads off the card of a bed."""

    async def scanned(code: str) -> str:
        with acting_as(make.actor):
            bed = await wards.bed_of_code(make.actor, code)
        assert bed
        return f"http://localhost:8000/bed/{bed.card_token}"

    return scanned
