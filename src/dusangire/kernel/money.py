"""Money: whole minor units and a currency, never a float, never two currencies in one sum."""

from typing import Self

from msgspec import Struct


class Money(Struct, frozen=True, order=True):
    """An amount in minor units. The franc has none, so minor is francs."""

    minor: int
    currency: str = "RWF"

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"money counts whole minor units, not {self.minor!r}")

    def __add__(self, other: Self) -> Self:
        return self._like(self.minor + self._same(other).minor)

    def __sub__(self, other: Self) -> Self:
        return self._like(self.minor - self._same(other).minor)

    def __mul__(self, times: int) -> Self:
        if type(times) is not int:
            raise TypeError("money is multiplied by whole numbers; use split() for shares")
        return self._like(self.minor * times)

    __rmul__ = __mul__

    def __neg__(self) -> Self:
        return self._like(-self.minor)

    def __bool__(self) -> bool:
        return self.minor != 0

    def split(self, parts: int) -> list[Self]:
        """Return equal shares that sum to the whole; the first ones carry the remainder."""
        if parts < 1:
            raise ValueError("money is split into one part or more")
        share, rest = divmod(self.minor, parts)
        return [self._like(share + (1 if part < rest else 0)) for part in range(parts)]

    def _like(self, minor: int) -> Self:
        return type(self)(minor, self.currency)

    def _same(self, other: Self) -> Self:
        if not isinstance(other, Money):
            raise TypeError(f"money is added to money, not to {other!r}")
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other


def total(amounts: list[Money], currency: str = "RWF") -> Money:
    """Return the sum; zero francs for an empty list."""
    whole = Money(0, currency)
    for amount in amounts:
        whole = whole + amount
    return whole
