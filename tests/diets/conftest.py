"""The ward these tests play on: the hospital's own manual and menu, one lunch, and a patient to change one fact of."""

import csv
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from importlib import resources
from typing import Any

import pytest

from dusangire.diets.rules import (
    Allergy,
    CaseAnswer,
    DietOrderFacts,
    DishFacts,
    Manual,
    Meal,
    OtherTray,
    PatientFacts,
    Prepared,
    Serving,
    TrayLine,
    judge_case,
    manual_from_rows,
    parse,
    prepare,
)
from dusangire.menu.rules import dishes_from_rows

KIGALI = timezone(timedelta(hours=2))
TODAY = date(2025, 3, 10)
SERVED_AT = {"breakfast": "07:30", "lunch": "12:30", "dinner": "18:30", "snack": "15:30"}


def rows(name: str) -> list[dict[str, str]]:
    text = resources.files("dusangire").joinpath("seed", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


class Ward:
    """Builders; every default is the plainest patient that may eat."""

    def __init__(self) -> None:
        self.manual: Manual = manual_from_rows(rows("diets.csv"), rows("diet_rules.csv"), rows("ingredients.csv"))
        self.dishes: dict[str, DishFacts] = dishes_from_rows(
            rows("menu.csv"), rows("ingredients.csv"), rows("recipe_lines.csv")
        )

    def at(self, text: str) -> str:
        return text if "T" in text else f"{TODAY}T{text}:00+02:00"

    def case(
        self,
        *lines: tuple[str, str] | tuple[str, str, Any],
        diets: tuple[Any, ...] = ("REG",),
        meal: str = "lunch",
        gate: str = "checkout",
        now: str = "06:00",
        serve_at: str | None = None,
        others: tuple[Any, ...] = (),
        dish_facts: Mapping[str, Any] | None = None,
        **patient: Any,
    ) -> dict[str, Any]:
        orders = [diet if isinstance(diet, dict) else self.order(diet) for diet in diets]
        allergies = patient.get("allergies", [])
        count = len(orders) + len(allergies) + len(patient.get("npo", []))
        facts: dict[str, Any] = {
            "admission": "active",
            "hospitals": [1],
            "clock_skew_s": 0,
            "allergy_status": "recorded" if allergies else "none_known",
            "allergies": [],
            "diets": orders,
            "npo": [],
            "weight_kg": "60",
            "iddsi_food": None,
            "iddsi_drink": None,
            "ordered_by": "nurse",
            "params": None,
            "uncoded_free_text": None,
            "active_constraint_count": count,
            "rows_read": count,
        }
        return {
            "id": "T1",
            "patient": facts | patient,
            "tray": {
                "meal": meal,
                "gate": gate,
                "date": str(TODAY),
                "serve_at": self.at(serve_at or SERVED_AT[meal]),
                "lines": self.lines(lines),
            },
            "other_trays": list(others),
            "now": self.at(now),
            "dish_facts": dict(dish_facts or {}),
        }

    def ask(self, *lines: Any, **facts: Any) -> CaseAnswer:
        return self.judge(self.case(*lines, **facts))

    def judge(self, case: Mapping[str, Any]) -> CaseAnswer:
        found = json.loads(json.dumps(case), parse_float=Decimal)
        return judge_case(parse(found, self.dishes), self.manual)

    def order(self, code: str, **changes: Any) -> dict[str, Any]:
        times = {"signed_at": "2025-03-09T08:00:00+02:00", "start": "2025-03-09T08:00:00+02:00", "end": None}
        return {"code": code, "status": "active"} | times | changes

    def other(self, meal: str, *lines: Any, status: str = "delivered", **changes: Any) -> dict[str, Any]:
        return {"meal": meal, "date": str(TODAY), "status": status, "lines": self.lines(lines)} | changes

    def lines(self, lines: Any) -> list[dict[str, Any]]:
        return [{"dish": line[0], "portion": line[1], "qty": line[2] if len(line) > 2 else 1} for line in lines]

    def now(self, text: str = "06:00") -> datetime:
        return datetime.fromisoformat(self.at(text))

    def patient(self, *codes: str, allergies: tuple[Allergy, ...] = (), **changes: Any) -> PatientFacts:
        yesterday = self.now() - timedelta(days=1)
        rulings = changes.pop("rulings", ())
        facts: dict[str, Any] = {
            "admission": "active",
            "hospitals": (1,),
            "allergy_status": "recorded" if allergies else "none_known",
            "allergies": allergies,
            "diets": tuple(DietOrderFacts(code, "active", yesterday, yesterday, None, rulings) for code in codes),
            "weight_kg": Decimal(60),
            "weight_on": TODAY,
            "active_constraint_count": len(codes) + len(allergies),
            "rows_read": len(codes) + len(allergies),
        }
        return PatientFacts(**(facts | changes))

    def serving(self, meal: str = "lunch", serve_at: str | None = None) -> Serving:
        return Serving(Meal(meal), TODAY, self.now(serve_at or SERVED_AT[meal]))

    def prepared(
        self,
        patient: PatientFacts,
        meal: str = "lunch",
        others: tuple[OtherTray, ...] = (),
        dishes: Mapping[str, DishFacts] | None = None,
        serve_at: str | None = None,
    ) -> Prepared:
        served = self.dishes if dishes is None else dishes
        return prepare(patient, self.serving(meal, serve_at), others, self.manual, served, self.now())

    def tray(self, *lines: tuple[str, str] | tuple[str, str, int]) -> tuple[TrayLine, ...]:
        return tuple(TrayLine(line[0], Decimal(line[1]), line[2] if len(line) > 2 else 1) for line in lines)


@pytest.fixture(scope="session")
def ward() -> Ward:
    return Ward()
