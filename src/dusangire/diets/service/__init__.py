"""Changes to diets: the manual, allergies, diet orders, holds, tasks, and the verdicts that are kept."""

from .allergies import add_allergy, add_uncoded, end_allergy, is_codable, no_known_allergies, settle_uncoded
from .checks import judge_lines, keep_check
from .holds import NO_DIET_ORDER, hold, release, settle_holds
from .manual import load_starter
from .orders import (
    NotSigned,
    draft,
    preview,
    revoke,
    sign,
    sign_with_password,
)
from .tasks import close_task, finish_task, open_task
from .upkeep import complete_ended, find_patients_without_order, keep_orders_in_step, stop_at_discharge

__all__ = [
    "NO_DIET_ORDER",
    "NotSigned",
    "add_allergy",
    "add_uncoded",
    "close_task",
    "complete_ended",
    "draft",
    "end_allergy",
    "find_patients_without_order",
    "finish_task",
    "hold",
    "is_codable",
    "judge_lines",
    "keep_check",
    "keep_orders_in_step",
    "load_starter",
    "no_known_allergies",
    "open_task",
    "preview",
    "release",
    "revoke",
    "settle_holds",
    "settle_uncoded",
    "sign",
    "sign_with_password",
    "stop_at_discharge",
]
