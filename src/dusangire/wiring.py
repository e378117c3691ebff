"""Who hears what: events to jobs, the clock to jobs, and what must follow within the same commit.

The only place where packages meet sideways.
"""

from importlib import import_module
from importlib.util import find_spec

from msgspec import Struct

from dusangire.delivery import service as delivery
from dusangire.diets import service as diets
from dusangire.kernel import journal
from dusangire.orders import service as orders
from dusangire.payments.service import coupons, funds, funds_grants, phones
from dusangire.subscriptions import service as subscriptions

# Event → the jobs that react to it, each at least once and with its effect exactly once.
REACTIONS: dict[str, tuple[str, ...]] = {
    "admission:started": ("task_no_diet_order",),
    "diet_order:on_hold": ("prompt_new_diet",),
    "diet_order:signed": ("late_tray_after_fast",),
    "grant:made": ("pay_by_grant",),
    "insulin:ate_little": ("tell_of_insulin",),
    "insulin:due": ("tell_of_insulin",),
    "insulin:escalated": ("tell_of_insulin",),
    "insulin:late": ("tell_of_insulin",),
    "message:mail_queued": ("send_mail",),
    "trays:to_judge": ("judge_waiting",),
    "payment:created": ("ask_provider",),
    "payment:news": ("ask_now",),
    "payment:paid": (
        "order_payment_changed",
        "tell_of_payment",
        "queue_fiscal",
        "plan_payment_changed",
        "event_payment_changed",
        "points_for_late_money",
    ),
    "payment:charged": ("queue_fiscal",),
    "payment:cancelled": ("queue_fiscal_back",),
    "payment:failed": ("tell_of_payment", "plan_payment_changed"),
    "payment:expired": ("tell_of_payment", "plan_payment_changed"),
    "payment:unknown": ("tell_of_payment",),
    "payment:late": ("tell_of_payment",),
    "payment:quarantined": ("tell_of_payment",),
    "refund:created": ("ask_refund",),
    "refund:paid": ("tell_of_payment", "queue_fiscal_back"),
    "refund:failed": ("tell_of_payment",),
    "refund:unknown": ("tell_of_payment",),
    "provider:down": ("tell_of_provider",),
    "provider:up": ("tell_of_provider",),
    "password:reset_asked": ("mail_password_reset",),
    **dict.fromkeys(
        (
            "plan:due",
            "plan:ended",
            "plan:ends_soon",
            "plan:failed",
            "plan:kept",
            "plan:lapsed",
            "plan:started",
        ),
        ("tell_of_plan",),
    ),
    "staff_tray:delivered": ("points_for_staff_tray",),
    "order:held": ("tell_of_order", "call_back_tray", "replace_tray"),
    "order:substituted": ("tell_of_substitution",),
    **dict.fromkeys(
        (
            "order:confirmed",
            "order:preparing",
            "order:ready",
            "order:out_for_delivery",
            "order:arrived",
            "order:problem",
            "order:undelivered",
            "order:cancelled",
        ),
        ("tell_of_order",),
    ),
    "order:delivered": ("tell_of_order", "points_for_tray"),
}


class Clockwork(Struct, frozen=True):
    """A chore and how often the clock starts it."""

    job: str
    every_s: int


CHORES: tuple[Clockwork, ...] = (
    Clockwork("tasks_no_diet_order", 60),
    Clockwork("forget_old_proofs", 86400),
    Clockwork("press_for_overdue", 60),
    Clockwork("insulin_late", 60),
    Clockwork("watch_fasts", 60),
    Clockwork("look_after_unpaid", 20),
    Clockwork("poll_payments", 5),
    Clockwork("watch_providers", 30),
    Clockwork("sign_receipts", 5),
    Clockwork("forget_hooks", 86400),
    Clockwork("late_trays_after_fast", 20),
    Clockwork("review_long_diets", 600),
    Clockwork("keep_plans", 300),
)

# Event → what happens in the very transaction that records it: an unsafe tray is held in the commit that made it so.
AT_ONCE: dict[str, tuple[journal.AtOnce, ...]] = {
    "patient:safety_changed": (diets.suspend_clashing_feeds, orders.hold_unsafe),
    "override:withdrawn": (orders.hold_unsafe,),
    "admission:ended": (orders.stop_meals, diets.stop_at_discharge),
    "admission:moved": (orders.patient_moved,),
    "patient:merged": (
        orders.hold_merged,
        subscriptions.follow_merged,
        funds_grants.follow_merged,
        coupons.follow_merged,
        phones.follow_merged,
    ),
    "ingredient:changed": (orders.lock_ingredient,),
    "menu:lines_changed": (orders.lock_lines,),
    "menu:recipe_changed": (orders.hold_dish,),
    "manual:signed": (orders.hold_diet,),
    "order:arrived": (orders.tray_here,),
    "order:delivered": (orders.tray_here,),
    "order:held": (delivery.call_back,),
    "order:cancelled": (delivery.call_back, coupons.give_back),
    "order:expired": (coupons.give_back,),
    "order:refused": (coupons.give_back,),
    "payment:returned": (funds.give_back, subscriptions.returned),
}


def install() -> None:
    """Connect everything; each process calls it once at its start."""
    journal.AT_ONCE.clear()
    journal.AT_ONCE.update(AT_ONCE)


def load_jobs() -> None:
    """Import every package's jobs, so that their names are known."""
    for package in ("notify", "diets", "payments", "subscriptions", "orders", "catering", "kitchen", "delivery"):
        if find_spec(f"dusangire.{package}.jobs"):
            import_module(f"dusangire.{package}.jobs")
