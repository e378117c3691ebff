"""Changes to trays: the cart, placing an order, moving it, holding what became unsafe, and what follows a meal."""

from .afterwards import complain, confirm_receipt, decide_request, rate
from .automatic import order_for, replace, safe_tray
from .carts import Choice, Skipped, add, clear, refuse_closed, reorder, set_portion, set_quantity
from .fasting import feed_after_fast, feed_all, watch_fasts
from .helping import pay_by_grant
from .holding import (
    hold_diet,
    hold_dish,
    hold_merged,
    hold_unsafe,
    judge_waiting,
    lock_ingredient,
    lock_lines,
    patient_moved,
    stop_meals,
)
from .insulin import give, say_eaten, see, tell_late, tray_here
from .judging import Ground, Unsafe, ground, judged
from .looking import look
from .moving import advance, cancel, moving, release
from .ordering import Checkout
from .overriding import (
    Broken,
    Plate,
    Signature,
    Stopped,
    choices,
    one_portion,
    override_dish,
    override_tray,
    stopped_dish,
    stopped_tray,
)
from .placing import place
from .starter import load_starter
from .substituting import Substitution, substitute
from .trying import DietTrial, Trial, trial
from .unpaid import Otherwise, confirm_paid, look_after_unpaid, pay_otherwise

__all__ = [
    "Broken",
    "Checkout",
    "Choice",
    "DietTrial",
    "Ground",
    "Otherwise",
    "Plate",
    "Signature",
    "Skipped",
    "Stopped",
    "Substitution",
    "Trial",
    "Unsafe",
    "add",
    "advance",
    "cancel",
    "choices",
    "clear",
    "complain",
    "confirm_paid",
    "confirm_receipt",
    "decide_request",
    "feed_after_fast",
    "feed_all",
    "give",
    "ground",
    "hold_diet",
    "hold_dish",
    "hold_merged",
    "hold_unsafe",
    "judge_waiting",
    "judged",
    "load_starter",
    "lock_ingredient",
    "lock_lines",
    "look",
    "look_after_unpaid",
    "moving",
    "one_portion",
    "order_for",
    "override_dish",
    "override_tray",
    "patient_moved",
    "pay_by_grant",
    "pay_otherwise",
    "place",
    "rate",
    "refuse_closed",
    "release",
    "reorder",
    "replace",
    "safe_tray",
    "say_eaten",
    "see",
    "set_portion",
    "set_quantity",
    "stop_meals",
    "stopped_dish",
    "stopped_tray",
    "substitute",
    "tell_late",
    "tray_here",
    "trial",
    "watch_fasts",
]
