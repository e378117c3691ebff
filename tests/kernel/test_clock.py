from datetime import UTC, date, datetime, time

from dusangire.kernel import clock


def test_a_day_in_kigali_begins_two_hours_before_utc():
    assert clock.day_bounds(date(2026, 3, 14), "Africa/Kigali") == (
        datetime(2026, 3, 13, 22, tzinfo=UTC),
        datetime(2026, 3, 14, 22, tzinfo=UTC),
    )
    assert clock.local_day(datetime(2026, 3, 13, 22, 1, tzinfo=UTC), "Africa/Kigali") == date(2026, 3, 14)
    assert clock.at(date(2026, 3, 14), time(12), "Africa/Kigali") == datetime(2026, 3, 14, 10, tzinfo=UTC)
