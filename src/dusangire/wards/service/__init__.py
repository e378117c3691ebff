"""Changes of wards, beds, patients and admissions.

Lock order: patient, then beds by id. Whatever can make a tray unsafe starts with `lock` and ends with `changed`.
"""

from dusangire.wards.service.admissions import admit, discharge, register_and_admit, transfer
from dusangire.wards.service.beds import add_beds, remove_bed
from dusangire.wards.service.bedside import sign_in_from_bed
from dusangire.wards.service.patients import close_record, measure, register
from dusangire.wards.service.payers import set_payer
from dusangire.wards.service.pins import check_pin, set_pin
from dusangire.wards.service.safety import changed, lock
from dusangire.wards.service.starter import load_starter
from dusangire.wards.service.wards import WardFacts, add_ward, change_ward, close_ward

__all__ = [
    "WardFacts",
    "add_beds",
    "add_ward",
    "admit",
    "change_ward",
    "changed",
    "check_pin",
    "close_record",
    "close_ward",
    "discharge",
    "load_starter",
    "lock",
    "measure",
    "register",
    "register_and_admit",
    "remove_bed",
    "set_payer",
    "set_pin",
    "sign_in_from_bed",
    "transfer",
]
