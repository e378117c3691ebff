"""Reads of wards, beds and the people in them. The SQL text of the package lives here."""

from dusangire.wards.queries.admissions import (
    OpenAdmission,
    OpenStay,
    admission,
    admission_of,
    stay_of,
)
from dusangire.wards.queries.beds import (
    BedRow,
    bed,
    bed_codes,
    bed_of_card,
    bed_of_code,
    bed_of_token,
    bedsides,
    free_beds,
    ward,
    ward_of_code,
    wards,
)
from dusangire.wards.queries.locks import (
    constraint_count,
    lock_beds,
    lock_ward,
    locked_safety_rev,
)
from dusangire.wards.queries.people import (
    Measurement,
    find_people,
    look_alikes,
    measurements,
    patient_of_mrn,
    patient_of_user,
    people,
    person,
)

__all__ = [
    "BedRow",
    "Measurement",
    "OpenAdmission",
    "OpenStay",
    "admission",
    "admission_of",
    "bed",
    "bed_codes",
    "bed_of_card",
    "bed_of_code",
    "bed_of_token",
    "bedsides",
    "constraint_count",
    "find_people",
    "free_beds",
    "lock_beds",
    "lock_ward",
    "locked_safety_rev",
    "look_alikes",
    "measurements",
    "patient_of_mrn",
    "patient_of_user",
    "people",
    "person",
    "stay_of",
    "ward",
    "ward_of_code",
    "wards",
]
