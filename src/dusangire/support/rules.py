"""What the help desk calls things, and which trays are in trouble."""

from dusangire.orders.rules import Status

# Trays that somebody is waiting for and nobody is bringing.
IN_TROUBLE = (Status.HELD, Status.PROBLEM, Status.UNDELIVERED)
# The task that a patient's word about a tray opens.
PATIENT_REPORT = "order_problem"


def status_key(status: str) -> str:
    """Return the catalogue's key of a status as people read it."""
    return "status.out" if status == Status.OUT_FOR_DELIVERY else f"status.{status}"


def meal_key(period: str) -> str:
    """Return the catalogue's key of a meal period."""
    return f"support.meal.{period}"
