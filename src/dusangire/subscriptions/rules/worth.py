"""What a meal and a day of a plan are worth, in whole francs that always add up to the price."""

from enum import StrEnum

from dusangire.kernel.money import Money


def discounted(regular: Money, percent: int) -> Money:
    """Return the price after a discount, half a franc rounded up."""
    return Money((regular.minor * (100 - percent) * 2 + 100) // 200, regular.currency)


def regular(price: Money, percent: int) -> Money:
    """Return the price before a discount: what the plan's data leaves out. Half a franc is rounded up."""
    rest = 100 - percent
    return Money((price.minor * 200 + rest) // (2 * rest), price.currency)


def meal_worth(price: int, meals: int, nth: int, recognised: int) -> int:
    """Return what the nth meal used is worth, in francs; the last one is worth all that is left.

    recognised: what the meals used before it were worth.
    """
    if not 1 <= nth <= meals:
        raise ValueError(f"there is no meal {nth} of {meals}")
    return price - recognised if nth == meals else price // meals


def worth_by_day(price: int, days: int, elapsed: int) -> int:
    """Return what so many days of an unlimited plan are worth, in francs; all of them are worth the price."""
    return price * min(max(elapsed, 0), days) // days


def left_by_meals(price: int, meals: int, used: int) -> int:
    """Return what the meals not used are worth, in francs."""
    return price * (meals - used) // meals


def left(*, price: int, days: int, days_left: int, meals: int | None, used: int, recognised: int) -> int:
    """Return what of a plan is given back when it stops today, in francs: the days and the meals not used.

    Of a plan with a number of meals the smaller of both counts: neither a week nearly over nor meals already eaten are
    paid back. Never more than what was not yet earned.
    """
    by_days = price - worth_by_day(price, days, days - days_left)
    by_meals = by_days if meals is None else left_by_meals(price, meals, used)
    return max(0, min(by_days, by_meals, price - recognised))


def refund_from(captured: list[tuple[int, int]], amount: int) -> list[int]:
    """Return how much to give back of each payment, the latest first.

    captured: (amount, given back before) of each, the latest first. Raises ValueError where they do not hold as much.
    """
    shares = []
    for paid, back in captured:
        part = min(paid - back, amount)
        shares.append(part)
        amount -= part
    if amount:
        raise ValueError(f"{amount} francs more than was ever paid")
    return shares


class PlanEntry(StrEnum):
    """What the entries of the ledger say about plans and points."""

    SOLD = "plan"
    USED = "plan_use"
    DAYS = "plan_days"
    EXPIRED = "plan_expired"
    RETURNED = "plan_returned"
    MOVED = "plan_moved"
    POINTS = "points"
    POINTS_SPENT = "points_spent"
    POINTS_EXPIRED = "points_expired"
