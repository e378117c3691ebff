"""A patient whose orders are paid, as in the tests of ordering; and the providers.

`providers` runs the simulators and points the settings at them: `providers.knobs("mtn", callbacks=0)`, `providers.sent()`,
`providers.money("mtn")`, `providers.press("mtn", reference, "approve")`; a served program takes `**providers.env`.
"""

from collections.abc import Iterator

import pytest

from dusangire.kernel.settings import settings
from tests.orders.conftest import _wired, bedside  # noqa: F401  fixtures
from tests.payments.simulated import Listener, Providers, simulated


@pytest.fixture(scope="session")
def _simulators() -> Iterator[Providers]:
    with simulated() as running:
        yield running


@pytest.fixture
def providers(_simulators: Providers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Providers]:
    """The simulators, fresh, and settings that name them."""
    _simulators.reset()
    for name, value in _simulators.env.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield _simulators
    settings.cache_clear()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A server that writes down what it is sent."""
    one = Listener()
    yield one
    one.close()
