"""Everything that changes plans and points."""

from dusangire.subscriptions.service.changing import cancel, cancel_now, change, keep, pause, refund_today, resume
from dusangire.subscriptions.service.loyalty import earn, earn_for_tray, expire_points, keep_rule, use_bonus
from dusangire.subscriptions.service.merging import follow_merged
from dusangire.subscriptions.service.paying import pay, payment_changed, take_cash
from dusangire.subscriptions.service.plans import Edit, add_plan, change_plan, load_starter, offer
from dusangire.subscriptions.service.renewing import keep_plans, turn
from dusangire.subscriptions.service.subscribing import Buying, reactivate, subscribe
from dusangire.subscriptions.service.using import returned, use_meal

__all__ = [
    "Buying",
    "Edit",
    "add_plan",
    "cancel",
    "cancel_now",
    "change",
    "change_plan",
    "earn",
    "earn_for_tray",
    "expire_points",
    "follow_merged",
    "keep",
    "keep_plans",
    "keep_rule",
    "load_starter",
    "offer",
    "pause",
    "pay",
    "payment_changed",
    "reactivate",
    "refund_today",
    "resume",
    "returned",
    "subscribe",
    "take_cash",
    "turn",
    "use_bonus",
    "use_meal",
]
