"""Changes to diets: the manual, allergies, diet orders, holds, tasks, and the verdicts that are kept."""

from .allergies import add_allergy, add_uncoded, end_allergy, is_codable, no_known_allergies, settle_uncoded
from .checks import judge_lines, keep_check
from .completing import complete_starter
from .fasting import (
    LONG_FAST,
    SLIPPED,
    alert,
    extend,
    prompt_prescribers,
    release_all,
    resume,
    settle_alert,
)
from .feed_clashes import suspend_clashing_feeds
from .feed_products import ProductAsked, save_product, sign_product
from .feeds import FeedAsked, record_given, resume_feed, sign_feed, sign_feed_with_password, stop_feed
from .flags import end_flag, set_flag
from .holds import NO_DIET_ORDER, hold, release, settle_holds
from .manual import load_starter
from .manual_drafts import NotSignable, change_draft, drop_draft, note_draft, sign_draft, start_draft
from .merging import merge
from .orders import (
    NotSigned,
    draft,
    preview,
    revoke,
    sign,
    sign_with_password,
)
from .overrides import Meal, close_needless_seconds, confirm_person, give_override, second_override, withdraw_override
from .protocols import REVIEW, advance_step, review_long_diets, sign_protocol, step_back, stop_protocol
from .stops import hold_all_trays, let_trays_go
from .tasks import close_task, finish_task, open_task
from .uncoded import ask_about_words, code_uncoded, not_an_allergy, press_for_overdue
from .upkeep import complete_ended, find_patients_without_order, keep_orders_in_step, stop_at_discharge

__all__ = [
    "LONG_FAST",
    "NO_DIET_ORDER",
    "REVIEW",
    "SLIPPED",
    "FeedAsked",
    "Meal",
    "NotSignable",
    "NotSigned",
    "ProductAsked",
    "add_allergy",
    "add_uncoded",
    "advance_step",
    "alert",
    "ask_about_words",
    "change_draft",
    "close_needless_seconds",
    "close_task",
    "code_uncoded",
    "complete_ended",
    "complete_starter",
    "confirm_person",
    "draft",
    "drop_draft",
    "end_allergy",
    "end_flag",
    "extend",
    "find_patients_without_order",
    "finish_task",
    "give_override",
    "hold",
    "hold_all_trays",
    "is_codable",
    "judge_lines",
    "keep_check",
    "keep_orders_in_step",
    "let_trays_go",
    "load_starter",
    "merge",
    "no_known_allergies",
    "not_an_allergy",
    "note_draft",
    "open_task",
    "press_for_overdue",
    "preview",
    "prompt_prescribers",
    "record_given",
    "release",
    "release_all",
    "resume",
    "resume_feed",
    "review_long_diets",
    "revoke",
    "save_product",
    "second_override",
    "set_flag",
    "settle_alert",
    "settle_holds",
    "settle_uncoded",
    "sign",
    "sign_draft",
    "sign_feed",
    "sign_feed_with_password",
    "sign_product",
    "sign_protocol",
    "sign_with_password",
    "start_draft",
    "step_back",
    "stop_at_discharge",
    "stop_feed",
    "stop_protocol",
    "suspend_clashing_feeds",
    "withdraw_override",
]
