import pytest

from dusangire.kernel.money import Money, total


def test_a_bill_split_among_three_loses_no_franc():
    assert [part.minor for part in Money(100).split(3)] == [34, 33, 33]
    assert total(Money(100).split(7)) == Money(100)


def test_money_is_whole_and_of_one_currency():
    with pytest.raises(TypeError):
        Money(1.5)
    with pytest.raises(TypeError):
        Money(100) * 0.5
    with pytest.raises(ValueError, match="RWF and USD"):
        Money(1) + Money(1, "USD")
    with pytest.raises(TypeError):
        Money(1) + 1


def test_money_has_no_division():
    with pytest.raises(TypeError):
        Money(10) / 2
