import pytest

from dusangire.accounts.rules import HOME, Failures, Lock, identifier, lock, network, password_problem
from dusangire.kernel.access import Role


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("0788 123 456", "+250788123456"), ("+250788123456", "+250788123456"), ("250 788-123-456", "+250788123456"),
     (" Bosco@Test.Example ", "bosco@test.example"), ("12", "12")],
)  # fmt: skip
def test_a_phone_number_is_one_number_however_it_is_typed(typed, kept):
    assert identifier(typed) == kept


def test_strangers_cannot_lock_out_the_device_a_nurse_always_uses():
    storm = Failures(here=0, strangers=1000)
    assert lock(storm, is_known_device=True) is Lock.NONE
    assert lock(storm, is_known_device=False) is Lock.STRANGERS
    assert lock(Failures(here=5, strangers=0), is_known_device=True) is Lock.THIS_DEVICE


@pytest.mark.parametrize(
    ("password", "key"),
    [("short", "account.password_short"), ("aaaaaaaaaaaaaa", "account.password_common"),
     ("passwordpassword", "account.password_common"), ("habimana-is-my-name", "account.password_own_name"),
     ("a calm green plate", None)],
)  # fmt: skip
def test_a_password_is_long_and_not_ones_own_name(password, key):
    assert password_problem(password, "Bosco Habimana", "bosco@test.example") == key


def test_every_role_has_a_first_page():
    assert set(HOME) == set(Role)


def test_a_network_is_the_neighbourhood_of_an_address():
    assert network("10.1.2.3") == network("10.1.2.99") != network("10.1.3.3")
