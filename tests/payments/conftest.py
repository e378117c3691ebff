"""A patient whose orders are paid: the same as in the tests of ordering."""

from tests.orders.conftest import _wired, bedside  # noqa: F401  fixtures
