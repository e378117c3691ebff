"""What the wards decide: bed codes, who may lie where, PINs, and which names are easily mistaken."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from msgspec import Struct


class Sex(StrEnum):
    """As the hospital registers it."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"


class Language(StrEnum):
    """What the patient reads."""

    KINYARWANDA = "rw"
    ENGLISH = "en"
    FRENCH = "fr"


class EndReason(StrEnum):
    """How an admission ends."""

    DISCHARGED = "discharged"
    TRANSFERRED_OUT = "transferred_out"
    DIED = "died"


class PayerClass(StrEnum):
    """Who stands behind a patient's bill. Neither CBHI nor RSSB pays for food."""

    SELF = "self"
    CBHI = "cbhi"
    RSSB = "rssb"
    PRIVATE = "private"
    STATE = "state"
    STAFF_FAMILY = "staff_family"
    INDIGENT = "indigent"


class WardKind(StrEnum):
    """What a ward is for."""

    GENERAL = "general"
    ICU = "ICU"
    PAEDIATRIC = "paediatric"
    MATERNITY = "maternity"
    ISOLATION = "isolation"


class Measure(StrEnum):
    """What is measured at the bed."""

    WEIGHT_KG = "weight_kg"
    HEIGHT_CM = "height_cm"


PLAUSIBLE: dict[Measure, tuple[str, str]] = {Measure.WEIGHT_KG: ("0.3", "350"), Measure.HEIGHT_CM: ("20", "260")}
PIN_TRIES, PIN_MINUTES = 5, 15
MOST_BEDS = 999
WARD_CODE = re.compile(r"[A-Z0-9]{1,6}")


class Ward(Struct, frozen=True):
    """One ward, with how many of its beds are taken."""

    id: UUID
    code: str
    name_en: str
    name_fr: str
    name_rw: str
    kind: str
    phone: str
    walk_order: int
    is_isolation: bool
    is_emergency: bool
    capacity: int = 0
    occupied: int = 0

    def name(self, language: str) -> str:
        return {"fr": self.name_fr, "rw": self.name_rw}.get(language, self.name_en)

    @property
    def free(self) -> int:
        return self.capacity - self.occupied


class Person(Struct, frozen=True):
    """One patient, and where they lie now: `admission`, `bed` and `ward` are None for somebody who is not here."""

    id: UUID
    mrn: str
    given_name: str
    family_name: str
    birth_date: date
    sex: str
    phone: str | None
    app_user: UUID | None
    admission: UUID | None = None
    admitted_at: datetime | None = None
    has_pin: bool = False
    bed: UUID | None = None
    bed_code: str = ""
    room: str = ""
    ward: UUID | None = None
    ward_code: str = ""
    ward_name_en: str = ""
    ward_name_fr: str = ""
    ward_name_rw: str = ""
    ward_phone: str = ""
    walk_order: int = 0
    is_isolation: bool = False
    is_emergency: bool = False

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def short_name(self) -> str:
        """The name as a board in a corridor may show it: Aline U."""
        return f"{self.given_name} {self.family_name[:1]}."

    def ward_name(self, language: str) -> str:
        return {"fr": self.ward_name_fr, "rw": self.ward_name_rw}.get(language, self.ward_name_en)

    def age(self, today: date) -> int:
        """Return the age in whole years."""
        had_birthday = (today.month, today.day) >= (self.birth_date.month, self.birth_date.day)
        return today.year - self.birth_date.year - (not had_birthday)


class Bedside(Struct, frozen=True):
    """One bed and who lies in it, if anybody does."""

    bed: UUID
    code: str
    room: str
    ward: UUID
    ward_code: str
    walk_order: int
    is_isolation: bool
    is_emergency: bool
    person: Person | None

    @property
    def number(self) -> int:
        return int(self.code.rpartition("-")[2])


class Card(Struct, frozen=True):
    """What the code on a bed leads to: a bed of a hospital, and nobody's name."""

    hospital: int
    bed: UUID
    code: str


def bed_codes(ward: str, first: int, last: int) -> list[str]:
    """Return A-001 … A-050; empty when the numbers run backwards or leave 1–999."""
    if not 1 <= first <= last <= MOST_BEDS:
        return []
    return [f"{ward}-{number:03d}" for number in range(first, last + 1)]


def next_number(codes: Iterable[str]) -> int:
    """Return the number after the highest in use."""
    return max((int(code.rpartition("-")[2]) for code in codes), default=0) + 1


def is_weak_pin(pin: str) -> bool:
    """True for PINs that everybody tries first: one digit repeated, or counting up or down."""
    steps = {int(after) - int(before) for before, after in pairwise(pin)}
    return len(steps) == 1 and steps <= {0, 1, -1}
