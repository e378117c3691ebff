"""The dietary verdict: facts in, ALLOW, BLOCK or UNKNOWN out, with every reason named.

Source of every clinical number: the diet manual's own `source` column; all await a nutritionist's sign-off.
"""

from .allergy import GROUPS
from .budget import Meter, budget, unmet
from .cases import Case, CaseAnswer, judge_case, judge_line, parse
from .choices import Addition, AlternativeDish, DishVerdict, alternative, can_still_add, menu
from .conflicts import Conflict, conflicts
from .facts import (
    Allergy,
    AllergyStatus,
    Answer,
    Bound,
    Declaration,
    DietOrderFacts,
    DishFacts,
    Gate,
    HoldFacts,
    Kind,
    Meal,
    Nutrients,
    OtherTray,
    OwnLimit,
    PatientFacts,
    Reason,
    Ruling,
    Serving,
    Severity,
    Slot,
    Tray,
    TrayLine,
    Verdict,
    keys,
)
from .limits import Limit, limits_of, slot_of, usable_weight_kg
from .manual import Diet, DietKind, DietRule, Manual, RuleKind, manual_from_rows
from .signing import Question, questions
from .sums import PORTIONS
from .verdict import Prepared, prepare, verdict

__all__ = [
    "GROUPS",
    "PORTIONS",
    "Addition",
    "Allergy",
    "AllergyStatus",
    "AlternativeDish",
    "Answer",
    "Bound",
    "Case",
    "CaseAnswer",
    "Conflict",
    "Declaration",
    "Diet",
    "DietKind",
    "DietOrderFacts",
    "DietRule",
    "DishFacts",
    "DishVerdict",
    "Gate",
    "HoldFacts",
    "Kind",
    "Limit",
    "Manual",
    "Meal",
    "Meter",
    "Nutrients",
    "OtherTray",
    "OwnLimit",
    "PatientFacts",
    "Prepared",
    "Question",
    "Reason",
    "RuleKind",
    "Ruling",
    "Serving",
    "Severity",
    "Slot",
    "Tray",
    "TrayLine",
    "Verdict",
    "alternative",
    "budget",
    "can_still_add",
    "conflicts",
    "judge_case",
    "judge_line",
    "keys",
    "limits_of",
    "manual_from_rows",
    "menu",
    "parse",
    "prepare",
    "questions",
    "slot_of",
    "unmet",
    "usable_weight_kg",
    "verdict",
]
