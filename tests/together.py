"""Racers who wait for one another, so that a race without its control goes wrong every time, on any machine."""

import asyncio


class Together:
    """Holds the first `many` who come until all of them are there; whoever comes later goes on at once."""

    def __init__(self, many: int = 2) -> None:
        self._missing = many
        self._complete = asyncio.Event()

    async def come(self) -> None:
        """Wait for the others; raises TimeoutError where they never come."""
        self._missing -= 1
        if self._missing <= 0:
            self._complete.set()
        async with asyncio.timeout(20):
            await self._complete.wait()
