"""Who hears what: events to jobs, the clock to jobs, and what must follow within the same commit.

The only place where packages meet sideways.
"""

from importlib import import_module
from importlib.util import find_spec

from msgspec import Struct

from dusangire.diets import service as diets
from dusangire.kernel import journal
from dusangire.orders import service as orders

# Event → the jobs that react to it, each at least once and with its effect exactly once.
REACTIONS: dict[str, tuple[str, ...]] = {
    "admission:started": ("task_no_diet_order",),
    "message:mail_queued": ("send_mail",),
    "password:reset_asked": ("mail_password_reset",),
    **dict.fromkeys(
        (
            "order:confirmed",
            "order:preparing",
            "order:ready",
            "order:out_for_delivery",
            "order:arrived",
            "order:delivered",
            "order:held",
            "order:problem",
            "order:undelivered",
            "order:cancelled",
        ),
        ("tell_of_order",),
    ),
}


class Clockwork(Struct, frozen=True):
    """A chore and how often the clock starts it."""

    job: str
    every_s: int


CHORES: tuple[Clockwork, ...] = (Clockwork("tasks_no_diet_order", 60), Clockwork("forget_old_proofs", 86400))

# Event → what happens in the very transaction that records it: an unsafe tray is held in the commit that made it so.
AT_ONCE: dict[str, tuple[journal.AtOnce, ...]] = {
    "patient:safety_changed": (orders.hold_unsafe,),
    "admission:ended": (orders.stop_meals, diets.stop_at_discharge),
    "admission:moved": (orders.patient_moved,),
    "menu:recipe_changed": (orders.hold_dish,),
}


def install() -> None:
    """Connect everything; each process calls it once at its start."""
    journal.AT_ONCE.clear()
    journal.AT_ONCE.update(AT_ONCE)


def load_jobs() -> None:
    """Import every package's jobs, so that their names are known."""
    for package in ("notify", "diets", "orders", "kitchen", "delivery"):
        if find_spec(f"dusangire.{package}.jobs"):
            import_module(f"dusangire.{package}.jobs")
