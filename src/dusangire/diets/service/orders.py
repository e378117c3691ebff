"""Diet orders: drafted, signed, stopped. Every change locks the patient first and raises the safety revision."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from dusangire.accounts import service as accounts
from dusangire.diets import queries
from dusangire.diets.queries import DietOrderRow, Safety
from dusangire.diets.rules import LEAST_WEIGHT_KG, MOST_WEIGHT_KG, Manual
from dusangire.diets.rules.prescribing import (
    DIET_ORDER,
    OrderStatus,
    OrderVerb,
    Prescription,
    Signing,
    StoredLimits,
    StoredRulings,
    may_stop,
    normal,
    own_limits,
    signing,
)
from dusangire.diets.service.holds import NO_DIET_ORDER
from dusangire.diets.service.tasks import close_task, open_task
from dusangire.diets.tables import DietOrder
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NoRight, NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.wards import service as wards

DRAFT_WAITS = "draft_waits"
