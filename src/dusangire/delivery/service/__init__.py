"""What a carrier does: the run, the checks at the bed, the hand-over and its proof."""

from dusangire.delivery.service.bedside import (
    Miss,
    check_bed,
    check_person,
    check_tray,
    hand_over,
    is_card,
    is_number,
)
from dusangire.delivery.service.isolation import discard
from dusangire.delivery.service.outbox import send
from dusangire.delivery.service.proof import (
    UPLOAD_LIMIT,
    Evidence,
    forget_old,
    kept,
)
from dusangire.delivery.service.recalls import bring_back, call_back, carrier_bell, see
from dusangire.delivery.service.runs import arrive, collect, fail, give_up, reoffer, take_over

__all__ = [
    "UPLOAD_LIMIT",
    "Evidence",
    "Miss",
    "arrive",
    "bring_back",
    "call_back",
    "carrier_bell",
    "check_bed",
    "check_person",
    "check_tray",
    "collect",
    "discard",
    "fail",
    "forget_old",
    "give_up",
    "hand_over",
    "is_card",
    "is_number",
    "kept",
    "reoffer",
    "see",
    "send",
    "take_over",
]
