from datetime import UTC, date, datetime

from dusangire.kernel.html import environment


def _drawn(when: date, zone: str = "Africa/Kigali") -> str:
    return environment().from_string("{{ show_day(when, 'en') }}").render(when=when, zone=zone)


def test_a_moment_late_in_the_evening_is_shown_on_the_day_it_is_in_the_hospital():
    late = datetime(2026, 11, 21, 22, 30, tzinfo=UTC)
    assert _drawn(late) == "22 November 2026"
    assert _drawn(late, "UTC") == "21 November 2026"


def test_a_day_stays_the_day_it_is():
    assert _drawn(date(2026, 11, 21)) == "21 November 2026"
