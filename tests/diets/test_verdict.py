"""Every sentence of the verdict's definition, as tables: what is asked, the answer, the reasons."""

from datetime import timedelta
from typing import Any

import pytest

ALLOW, BLOCK, UNKNOWN = "ALLOW", "BLOCK", "UNKNOWN"
NO_ORDER = [["DIET", "no_active_order", "", "order"]]
HOLD = [["NPO", "hold", "", "order"]]


def plain(**facts: Any) -> dict[str, Any]:
    """A test dish that breaks nothing, with some facts of its own."""
    return {"X": {"native": "F6", "achievable": [3, 4, 5, 6, 7], "clear_liquid": 1, "full_liquid": 1} | facts}


def npo(start: str, end: str | None = None, cancelled_at: str | None = None) -> dict[str, Any]:
    day = "2025-03-10T{}+02:00"
    at = [None if text is None else day.format(text) for text in (start, end, cancelled_at)]
    return {"start": at[0], "end": at[1]} | ({"cancelled_at": at[2]} if cancelled_at else {})


def test_block_wins_over_unknown_and_all_reasons_of_both_are_listed_once_and_sorted(ward: Any) -> None:
    answer = ward.ask(
        ("PRK", "0.5"), ("PRK", "0.5"), diets=("HALAL", "RENAL-ND", "VEG"), weight_kg=None, clock_skew_s=61
    )
    assert answer.verdict == BLOCK
    assert answer.reasons == [
        ["HALAL", "require", "halal", "item"],
        ["PATIENT", "clock_skew", "", "order"],
        ["RENAL-ND", "weight_unknown", "protein_g_per_kg", "day"],
        ["VEG", "require", "vegetarian", "item"],
    ]


def test_soft_rules_ask_and_the_tray_passes(ward: Any) -> None:
    answer = ward.ask(("X", "1"), diets=("NA2G",), dish_facts=plain(sodium_mg="401"))
    assert (answer.verdict, answer.reasons, answer.asks) == (ALLOW, [], [["NA2G", "limit", "sodium_mg", "item"]])


def test_advice_never_stops(ward: Any) -> None:
    answer = ward.ask(("X", "1"), diets=("RENAL-ND",), dish_facts=plain())
    assert (answer.verdict, answer.asks) == (ALLOW, [])
    assert ["RENAL-ND", "limit", "protein_g_per_kg", "day"] in answer.advice


@pytest.mark.parametrize(
    ("carb_g", "verdict"),
    [("44.9999999", BLOCK), ("45", ALLOW), ("65", ALLOW), ("65.0000001", BLOCK)],
)
def test_limits_are_inclusive_and_exact(ward: Any, carb_g: str, verdict: str) -> None:
    assert ward.ask(("X", "1"), diets=("CCHO60",), dish_facts=plain(carb_g=carb_g)).verdict == verdict


def test_a_third_of_a_limit_three_times_is_not_over_it(ward: Any) -> None:
    answer = ward.ask(("X", "0.5", 3), diets=("NAS",), dish_facts=plain(sodium_mg="2666.666666"))
    assert (answer.verdict, answer.asks) == (ALLOW, [["NAS", "limit", "sodium_mg", "meal"]])


@pytest.mark.parametrize(
    ("portion", "quantity", "asked"), [("1", 1, False), ("1", 3, False), ("0.5", 1, False), ("1.5", 1, True)]
)
def test_an_item_is_one_portion_not_the_lines_quantity(ward: Any, portion: str, quantity: int, asked: bool) -> None:
    answer = ward.ask(("X", portion, quantity), diets=("NA2G",), gate="cart", dish_facts=plain(sodium_mg="300"))
    assert (["NA2G", "limit", "sodium_mg", "item"] in answer.asks) is asked


@pytest.mark.parametrize("meal", ["breakfast", "lunch", "dinner", "snack"])
def test_a_meals_max_holds_at_every_meal_over_all_its_trays(ward: Any, meal: str) -> None:
    facts = plain(sodium_mg="325.1")
    blocked = [["NA2G", "limit", "sodium_mg", "meal"]]
    alone = ward.ask(("X", "1"), diets=("NA2G",), meal=meal, dish_facts=facts)
    both = ward.ask(("X", "1"), diets=("NA2G",), meal=meal, dish_facts=facts, others=(ward.other(meal, ("X", "1")),))
    assert (alone.verdict, both.verdict, both.reasons) == (ALLOW, BLOCK, blocked)


@pytest.mark.parametrize(
    ("meal", "diet", "verdict"),
    [
        ("breakfast", "CCHO60", BLOCK),
        ("lunch", "CCHO60", BLOCK),
        ("dinner", "CCHO60", BLOCK),
        ("snack", "CCHO60", ALLOW),
        ("lunch", "HPHE", ALLOW),
    ],
)
def test_a_meals_min_holds_at_breakfast_lunch_and_dinner(ward: Any, meal: str, diet: str, verdict: str) -> None:
    assert ward.ask(("X", "1"), diets=(diet,), meal=meal, dish_facts=plain(carb_g="5")).verdict == verdict


@pytest.mark.parametrize(("meal", "asked"), [("breakfast", True), ("lunch", True), ("dinner", True), ("snack", False)])
def test_a_soft_meal_min_asks_and_not_for_snacks(ward: Any, meal: str, asked: bool) -> None:
    answer = ward.ask(("X", "1"), diets=("HPHE",), meal=meal, dish_facts=plain(protein_g="21"))
    assert (["HPHE", "limit", "protein_g", "meal"] in answer.asks) is asked


@pytest.mark.parametrize(
    ("meal", "carb_g", "reasons"),
    [
        ("breakfast", "30", []),
        ("breakfast", "31", [["GDM", "limit", "carb_g", "breakfast"]]),
        ("breakfast", "14", [["GDM", "limit", "carb_g", "breakfast"]]),
        ("lunch", "31", []),
        ("lunch", "46", [["GDM", "limit", "carb_g", "meal"]]),
        ("snack", "46", []),
    ],
)
def test_a_diets_own_breakfast_or_snack_rule_replaces_its_meal_rule(
    ward: Any, meal: str, carb_g: str, reasons: list[list[str]]
) -> None:
    assert ward.ask(("X", "1"), diets=("GDM",), meal=meal, dish_facts=plain(carb_g=carb_g)).reasons == reasons


@pytest.mark.parametrize(
    ("hour", "verdict"),
    [
        ("2025-03-10T09:00:00+02:00", ALLOW),
        ("2025-03-10T12:00:00+02:00", BLOCK),
        ("2025-03-10T17:59:59+02:00", BLOCK),
        ("2025-03-10T18:00:00+02:00", ALLOW),
        (None, BLOCK),
    ],
)
def test_each_snack_slot_is_summed_for_itself(ward: Any, hour: str | None, verdict: str) -> None:
    other = ward.other("snack", ("X", "1"), **({} if hour is None else {"serve_at": hour}))
    answer = ward.ask(("X", "1"), diets=("CCHO60",), meal="snack", dish_facts=plain(carb_g="20"), others=(other,))
    assert answer.verdict == verdict


@pytest.mark.parametrize(
    ("serve_at", "carb_g", "asked"),
    [("10:00", "5", False), ("15:30", "5", False), ("20:00", "39.9", True), ("20:00", "40", False)],
)
def test_the_hepatic_snack_minimum_concerns_the_evening_only(
    ward: Any, serve_at: str, carb_g: str, asked: bool
) -> None:
    answer = ward.ask(("X", "1"), diets=("HEPATIC",), meal="snack", serve_at=serve_at, dish_facts=plain(carb_g=carb_g))
    assert (["HEPATIC", "limit", "carb_g", "snack"] in answer.asks) is asked


@pytest.mark.parametrize(
    ("status", "changes", "verdict"),
    [
        ("delivered", {}, BLOCK),
        ("confirmed", {"meal": "dinner"}, BLOCK),
        ("held", {}, BLOCK),
        ("a status of tomorrow", {}, BLOCK),
        ("cancelled", {}, ALLOW),
        ("refused", {}, ALLOW),
        ("expired", {}, ALLOW),
        ("delivered", {"date": "2025-03-09"}, ALLOW),
        ("confirmed", {"date": "2025-03-11"}, ALLOW),
    ],
)
def test_a_day_is_all_trays_of_its_date_that_may_be_eaten(
    ward: Any, status: str, changes: dict[str, Any], verdict: str
) -> None:
    facts = plain(fluid_ml="240")
    full = [ward.other("breakfast", ("X", "1", 2), status=status) | changes]
    answer = ward.ask(("X", "1", 1), ("X", "0.5", 1), diets=("FLUID1200",), others=full, dish_facts=facts, params={
        "FLUID1200.fluid_ml.meal": {"max": "720"}
    })  # fmt: skip
    assert answer.verdict == verdict


@pytest.mark.parametrize(
    ("diet", "hours", "asked"),
    [("CLEAR", 48, False), ("CLEAR", 49, True), ("FULL", 72, False), ("FULL", 73, True)],
)
def test_an_order_that_lasts_too_long_asks(ward: Any, diet: str, hours: int, asked: bool) -> None:
    start = (ward.now() - timedelta(hours=hours)).isoformat()
    answer = ward.ask(("X", "1"), diets=(ward.order(diet, start=start, signed_at=start),), dish_facts=plain())
    assert answer.verdict == ALLOW
    assert ([diet, "limit", "duration_h", "order"] in answer.asks) is asked


@pytest.mark.parametrize(
    ("gate", "verdict"),
    [("menu", ALLOW), ("cart", ALLOW)] + [(g, BLOCK) for g in ("checkout", "fire", "plate", "dispatch", "handover")],
)
def test_a_meals_min_is_enforced_from_checkout_on_never_at_the_cart(ward: Any, gate: str, verdict: str) -> None:
    assert ward.ask(("X", "1"), diets=("CCHO60",), gate=gate, dish_facts=plain(carb_g="44")).verdict == verdict


@pytest.mark.parametrize("gate", ["cart", "checkout", "handover"])
def test_a_day_min_never_blocks_food(ward: Any, gate: str) -> None:
    answer = ward.ask(("F75", "1"), diets=("SAM-F75",), gate=gate, weight_kg="8")
    assert answer.verdict == ALLOW
    assert ["SAM-F75", "limit", "feeds", "day"] in answer.advice


@pytest.mark.parametrize(
    ("portion", "quantity", "reasons"),
    [
        ("0.5", 1, []),
        ("1", 2, []),
        ("1.5", 7, []),
        ("1.50", 1, []),
        ("0.75", 1, [["DISH", "unknown_portion", "0.75", "item"]]),
        ("0", 1, [["DISH", "unknown_portion", "0", "item"]]),
        ("-1", 1, [["DISH", "unknown_portion", "-1", "item"]]),
        ("2", 1, [["DISH", "unknown_portion", "2", "item"]]),
        ("1", 0, [["DISH", "unknown_quantity", "0", "item"]]),
        ("1", -1, [["DISH", "unknown_quantity", "-1", "item"]]),
        ("1", 1.5, [["DISH", "unknown_quantity", "1.5", "item"]]),
    ],
)
def test_only_half_one_and_one_and_a_half_times_a_whole_quantity_is_served(
    ward: Any, portion: str, quantity: Any, reasons: list[list[str]]
) -> None:
    answer = ward.ask(("BAN", portion, quantity), meal="snack")
    assert (answer.verdict, answer.reasons) == (UNKNOWN if reasons else ALLOW, reasons)


def test_an_empty_tray_is_refused(ward: Any) -> None:
    assert ward.ask().reasons == [["DISH", "empty_tray", "", "order"]]


def test_an_unknown_dish_is_refused_on_this_tray_and_on_the_others(ward: Any) -> None:
    unknown = [["DISH", "unknown_dish", "NO-SUCH", "item"]]
    assert ward.ask(("NO-SUCH", "1")).reasons == unknown
    assert ward.ask(("RICE", "1"), others=(ward.other("breakfast", ("NO-SUCH", "1")),)).reasons == unknown


def test_a_no_added_salt_variant_is_a_dish_of_its_own(ward: Any) -> None:
    stew, plain_chicken = ward.dishes["CHK-STW"], ward.dishes["CHK-NAS"]
    assert stew.nutrients.sodium_mg > 3 * plain_chicken.nutrients.sodium_mg


@pytest.mark.req("A3")
def test_the_base_diet_is_replaced_by_a_therapeutic_order(ward: Any) -> None:
    facts = plain(sodium_mg="3600", carb_g="50")
    over = ["REG", "limit", "sodium_mg", "day"]
    for codes, asked in (
        (("REG",), True),
        (("REG", "CCHO60"), False),
        (("REG", "HALAL"), True),
        (("REG", "FULL"), False),
    ):
        assert (over in ward.ask(("X", "1"), diets=codes, dish_facts=facts).asks) is asked, codes


@pytest.mark.req("A1", "A2")
@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, []),
        *[({"status": status}, NO_ORDER) for status in ("draft", "on-hold", "revoked", "completed", "replaced", "")],
        ({"start": "2025-03-10T12:00:00+02:00"}, NO_ORDER),
        ({"end": "2025-03-10T12:00:00+02:00"}, NO_ORDER),
        ({"end": "2025-03-10T12:30:00+02:00"}, NO_ORDER),
        ({"end": "2025-03-10T12:30:01+02:00"}, []),
        ({"start": "2025-03-10T06:00:00+02:00"}, []),
        ({"start": "2025-03-10T06:01:00+02:00"}, NO_ORDER),
        ({"start": "2025-03-10T04:00:00Z", "end": "2025-03-10T10:31:00Z"}, []),
        ({"signed_at": None}, NO_ORDER),
        ({"signed_at": "2025-03-10T07:00:00+02:00"}, NO_ORDER),
    ],
)
def test_an_order_counts_when_it_is_signed_active_and_covers_now_and_the_serving(
    ward: Any, changes: dict[str, Any], reasons: list[list[str]]
) -> None:
    answer = ward.ask(("RICE", "1"), diets=(ward.order("REG", **changes),))
    assert (answer.verdict, answer.reasons) == (UNKNOWN if reasons else ALLOW, reasons)


def test_an_order_that_does_not_count_limits_nothing(ward: Any) -> None:
    ended = ward.order("VEGAN", status="completed")
    assert ward.ask(("CHK-STW", "1"), diets=("REG", ended)).verdict == ALLOW


def test_a_diet_the_manual_does_not_hold_is_unknown(ward: Any) -> None:
    answer = ward.ask(("RICE", "1"), diets=("REG", "KETO"))
    assert (answer.verdict, answer.reasons) == (UNKNOWN, [["DIET", "unknown_code", "KETO", "order"]])


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"admission": "none"}, "no_active_admission"),
        ({"admission": "discharged"}, "no_active_admission"),
        ({"hospitals": [1, 2]}, "hospitals"),
        ({"hospitals": []}, "hospitals"),
        ({"clock_skew_s": 61}, "clock_skew"),
        ({"clock_skew_s": -61}, "clock_skew"),
        ({"rows_read": 0}, "rows_read"),
        ({"rows_read": 2}, "rows_read"),
    ],
)
def test_facts_that_cannot_be_trusted_are_unknown(ward: Any, facts: dict[str, Any], rule: str) -> None:
    answer = ward.ask(("RICE", "1"), **facts)
    assert (answer.verdict, answer.reasons) == (UNKNOWN, [["PATIENT", rule, "", "order"]])


@pytest.mark.parametrize(
    ("codes", "weight_kg", "reasons"),
    [
        (("CCHO45", "GDM"), "60", [["CCHO45+GDM", "kcal", "day"]]),
        (("CCHO60", "GDM"), "60", [["CCHO60+GDM", "carb_g", "breakfast"]]),
        (("CCHO75", "GDM"), "60", [["CCHO75+GDM", "carb_g", "breakfast"], ["CCHO75+GDM", "carb_g", "lunch"]]),
        (("CCHO60", "HEPATIC"), "60", [["CCHO60+HEPATIC", "carb_g", "snack"]]),
        (("HIFIB", "LOWRES"), "60", [["HIFIB+LOWRES", "fibre_g", "day"]]),
        (("LACT", "RENAL-ND"), "60", [["LACT+RENAL-ND", "protein_g", "day"]]),
        (("LACT", "RENAL-ND"), "90", []),
        (("HPHE", "RENAL-ND"), "90", [["HPHE+RENAL-ND", "protein_g_per_kg", "day"]]),
        (("HPHE", "RENAL-HD"), "45", [["HPHE+RENAL-HD", "protein_g", "day"]]),
        (("HPHE", "RENAL-HD"), "60", []),
        (("CCHO45", "HPHE"), "71", [["CCHO45+HPHE", "kcal", "day"]]),
        (("IDDSI4", "IDDSI5"), "60", [["IDDSI4+IDDSI5", "iddsi", "item"]]),
        (("IDDSI6", "IDDSI7EC"), "60", [["IDDSI6+IDDSI7EC", "iddsi", "item"]]),
        (("SAM-F75", "SAM-F100"), "8", [["SAM-F100+SAM-F75", "only", "item"]]),
    ],
)  # fmt: skip
@pytest.mark.req("A3")
def test_an_empty_interval_is_a_contradiction_across_scopes_and_units(
    ward: Any, codes: tuple[str, ...], weight_kg: str, reasons: list[list[str]]
) -> None:
    answer = ward.ask(("X", "1"), diets=codes, weight_kg=weight_kg, gate="cart", iddsi_drink=0, dish_facts=plain())
    found = [reason[1:] for reason in answer.reasons if reason[0] == "CONTRADICTION"]
    assert found == reasons
    assert answer.verdict == (UNKNOWN if reasons else ALLOW)


def test_meals_maxima_are_held_against_the_days_minimum(ward: Any) -> None:
    tight = {"CCHO45.carb_g.meal": {"max": "40"}, "CCHO45.carb_g.snack": {"max": "15"}}
    answer = ward.ask(("X", "1"), diets=("GDM", "CCHO45"), gate="cart", params=tight, dish_facts=plain())
    assert ["CONTRADICTION", "CCHO45+GDM", "carb_g", "day"] in answer.reasons


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [({"max": "600"}, BLOCK), ({"max": "750"}, ALLOW), (None, BLOCK), ({"max": "700.1"}, BLOCK)],
)
def test_a_patients_own_limit_takes_the_place_of_the_manuals(ward: Any, bounds: Any, verdict: str) -> None:
    params = None if bounds is None else {"RENAL-ND.potassium_mg.meal": bounds}
    answer = ward.ask(("X", "1"), diets=("RENAL-ND",), params=params, dish_facts=plain(potassium_mg="740"))
    assert answer.verdict == verdict


def test_a_patients_own_limit_that_empties_the_interval_is_a_contradiction(ward: Any) -> None:
    answer = ward.ask(("X", "1"), diets=("CCHO60",), params={"CCHO60.carb_g.meal": {"max": "40"}}, dish_facts=plain())
    assert ["CONTRADICTION", "CCHO60", "carb_g", "lunch"] in answer.reasons


def test_a_patients_own_limit_the_manual_does_not_set_is_kept_and_an_unreadable_one_is_unknown(ward: Any) -> None:
    facts = plain(potassium_mg="900")
    own = ward.ask(("X", "1"), params={"REG.potassium_mg.meal": {"max": "800"}}, dish_facts=facts)
    assert own.reasons == [["REG", "limit", "potassium_mg", "meal"]]
    for name in ("REG.selenium.meal", "REG.kcal.week", "REG.kcal", "KETO.carb_g.meal"):
        answer = ward.ask(("X", "1"), params={name: {"max": "800"}}, dish_facts=facts)
        assert answer.reasons == [["PATIENT", "unknown_limit", name, "order"]]


def test_what_no_rule_can_check_is_shown_as_not_checked(ward: Any) -> None:
    answer = ward.ask(("X", "1"), diets=("LOWRES", "IDDSI6"), iddsi_drink=0, dish_facts=plain())
    for told in (
        ["LOWRES", "not_checked", "note", "order"],
        ["PATIENT", "not_checked", "drug_interactions", "order"],
        ["IDDSI", "not_checked", "particle_size_child", "order"],
    ):
        assert told in answer.advice


@pytest.mark.req("A4", "A5")
@pytest.mark.parametrize(
    ("now", "serve_at", "hold", "reasons"),
    [
        ("06:00", "12:30", npo("12:31:00", "13:00:00"), []),
        ("06:00", "12:30", npo("12:30:59", "13:00:00"), HOLD),
        ("06:00", "12:30", npo("12:30:00", "13:00:00"), HOLD),
        ("06:00", "12:30", npo("10:00:00", "11:00:00"), HOLD),
        ("11:00", "12:30", npo("10:00:00", "11:00:00"), NO_ORDER),
        ("11:00", "12:30", npo("10:00:00", "11:00:01"), HOLD),
        ("10:59", "12:30", npo("10:00:00", "11:00:00"), HOLD),
        ("23:00", "23:30", npo("10:00:00"), HOLD),
        ("06:00", "12:30", npo("11:00:00", None, "05:00:00"), []),
        ("06:00", "12:30", npo("05:00:00", None, "05:30:00"), NO_ORDER),
        ("06:00", "12:30", npo("05:00:30", None, "05:00:20"), NO_ORDER),
        ("06:00", "12:30", npo("05:00:30", None, "04:59:59"), []),
        ("06:00", "12:30", npo("13:00:00", "13:00:00"), [["NPO", "bad_interval", "", "order"]]),
        ("06:00", "12:30", npo("13:00:00", "12:00:00"), [["NPO", "bad_interval", "", "order"]]),
    ],
)
def test_a_hold_is_half_open_to_the_minute_and_suspends_what_was_signed_before(
    ward: Any, now: str, serve_at: str, hold: dict[str, Any], reasons: list[list[str]]
) -> None:
    answer = ward.ask(("RICE", "1"), npo=[hold], now=now, serve_at=serve_at)
    assert answer.reasons == reasons
    assert answer.verdict == (BLOCK if reasons == HOLD else UNKNOWN if reasons else ALLOW)


@pytest.mark.parametrize(
    ("signed", "start", "reasons"),
    [
        ("07:59", "07:59", NO_ORDER),
        ("07:59", "08:59", NO_ORDER),
        ("07:59", "09:00", []),
        ("08:00", "08:00", []),
        ("09:30", "09:30", []),
    ],
)
@pytest.mark.req("A5")
def test_an_order_survives_a_hold_only_when_signed_for_after_it(
    ward: Any, signed: str, start: str, reasons: list[list[str]]
) -> None:
    order = ward.order("REG", signed_at=ward.at(signed), start=ward.at(start))
    answer = ward.ask(("RICE", "1"), diets=(order,), npo=[npo("08:00:00", "09:00:00")], now="10:00")
    assert answer.reasons == reasons


def test_a_new_order_alone_counts_after_a_hold(ward: Any) -> None:
    new = ward.order("REG", signed_at=ward.at("09:30"), start=ward.at("09:30"))
    answer = ward.ask(("CHK-STW", "1"), diets=("VEGAN", new), npo=[npo("08:00:00", "09:00:00")], now="10:00")
    assert answer.verdict == ALLOW


def test_npo_as_a_diet_code_blocks(ward: Any) -> None:
    assert ward.ask(("TEA-BLK", "0.5"), diets=("NPO",)).reasons == [["NPO", "none", "", "item"]]


@pytest.mark.req("B2")
@pytest.mark.parametrize(
    ("diet", "facts", "verdict", "reasons", "asks"),
    [
        ("RENAL-ND", {"potassium_mg": None}, UNKNOWN,
         [["RENAL-ND", "nutrient_unknown", "potassium_mg", scope] for scope in ("day", "meal")], []),
        ("RENAL-HD", {"phosphorus_mg": None}, UNKNOWN, [["RENAL-HD", "nutrient_unknown", "phosphorus_mg", "day"]],
         [["RENAL-HD", "nutrient_unknown", "phosphorus_mg", "meal"]]),
        ("CARDIAC", {"fat_g": None}, ALLOW, [], [["CARDIAC", "nutrient_unknown", "fat_g", "day"]]),
        ("HIFIB", {"fibre_g": None}, ALLOW, [], [["HIFIB", "nutrient_unknown", "fibre_g", "day"]]),
        ("HALAL", {"fibre_g": None}, ALLOW, [], []),
    ],
)  # fmt: skip
def test_a_null_nutrient_is_unknown_under_a_hard_limit_and_asks_under_a_soft_one(
    ward: Any, *, diet: str, facts: dict[str, Any], verdict: str, reasons: Any, asks: Any
) -> None:
    answer = ward.ask(("X", "1"), diets=(diet,), dish_facts=plain(**facts))
    assert (answer.verdict, answer.reasons, answer.asks) == (verdict, reasons, asks)


def test_a_null_nutrient_blocks_when_the_known_part_is_already_over(ward: Any) -> None:
    answer = ward.ask(("BAN", "1"), ("TAR", "1"), diets=("RENAL-ND",), dish_facts={"BAN": {"potassium_mg": None}})
    assert answer.verdict == BLOCK
    assert ["RENAL-ND", "limit", "potassium_mg", "meal"] in answer.reasons
    assert ["RENAL-ND", "nutrient_unknown", "potassium_mg", "day"] in answer.reasons


def test_a_null_nutrient_on_another_tray_of_the_day_counts_too(ward: Any) -> None:
    answer = ward.ask(
        ("RICE", "1"),
        diets=("RENAL-ND",),
        dish_facts={"BAN": {"potassium_mg": None}},
        others=(ward.other("breakfast", ("BAN", "1")),),
    )
    assert answer.reasons == [["RENAL-ND", "nutrient_unknown", "potassium_mg", "day"]]


@pytest.mark.parametrize(
    ("diet", "nutrient"),
    [
        ("RENAL-ND", "protein_g_per_kg"),
        ("RENAL-HD", "protein_g_per_kg"),
        ("HEPATIC", "protein_g_per_kg"),
        ("SAM-F75", "ml_per_kg"),
        ("SAM-F100", "kcal_per_kg"),
    ],
)
@pytest.mark.parametrize("weight_kg", [None, "0.3", "400.1"])
def test_a_rule_per_kg_without_a_possible_weight_is_unknown(
    ward: Any, diet: str, nutrient: str, weight_kg: str | None
) -> None:
    dish = {"SAM-F75": "F75", "SAM-F100": "F100"}.get(diet, "X")
    answer = ward.ask((dish, "1"), diets=(diet,), weight_kg=weight_kg, dish_facts=plain())
    assert answer.reasons == [[diet, "weight_unknown", nutrient, "day"]]


@pytest.mark.parametrize("weight_kg", ["0.4", "400"])
def test_the_ends_of_the_possible_weights_are_weights(ward: Any, weight_kg: str) -> None:
    assert ward.ask(("X", "1"), diets=("RENAL-ND",), weight_kg=weight_kg, dish_facts=plain()).verdict == ALLOW


def test_the_fluid_of_everything_counts_by_its_portion(ward: Any) -> None:
    facts = plain(fluid_ml="160")
    assert ward.ask(("X", "1.5"), diets=("FLUID1200",), dish_facts=facts).verdict == ALLOW
    assert ward.ask(("X", "1.5"), ("CHK-NAS", "0.5"), diets=("FLUID1200",), dish_facts=facts).verdict == BLOCK


@pytest.mark.parametrize(("fluid_ml", "verdict"), [("1000", ALLOW), ("1000.1", BLOCK)])
def test_the_thousand_ml_of_haemodialysis_are_taken_literally(ward: Any, fluid_ml: str, verdict: str) -> None:
    assert ward.ask(("X", "1"), diets=("RENAL-HD",), dish_facts=plain(fluid_ml=fluid_ml)).verdict == verdict


def test_a_thickener_is_an_ask_on_carbohydrate_diets_unless_the_recipe_holds_it(ward: Any) -> None:
    ask = ["DISH", "thickener", "TEA-BLK", "item"]
    facts = {"diets": ("CCHO60", "IDDSI6"), "iddsi_drink": 2, "gate": "cart"}
    assert ask in ward.ask(("TEA-BLK", "1"), **facts).asks
    thick = {"TEA-BLK": {"ingredients": ["black tea (brewed)", "food thickener (starch)"]}}
    assert ask not in ward.ask(("TEA-BLK", "1"), **facts, dish_facts=thick).asks
    assert ask not in ward.ask(("TEA-BLK", "1"), **facts | {"iddsi_drink": 0}).asks
    assert ask not in ward.ask(("TEA-BLK", "1"), **facts | {"diets": ("IDDSI6",)}).asks


@pytest.mark.parametrize(
    ("params", "portions", "verdict"),
    [(None, 10, ALLOW), (None, 11, BLOCK), ({"SAM-F75.ml_per_kg.day": {"max": "100"}}, 9, BLOCK)],
)
def test_f75_is_130_ml_per_kg_unless_the_order_says_less(ward: Any, params: Any, portions: int, verdict: str) -> None:
    assert ward.ask(("F75", "1", portions), diets=("SAM-F75",), weight_kg="8", params=params).verdict == verdict


@pytest.mark.parametrize(("trays", "verdict"), [(11, ALLOW), (12, BLOCK)])
def test_feeds_are_the_trays_of_the_day(ward: Any, trays: int, verdict: str) -> None:
    others = [ward.other("snack", ("F75", "0.5")) for _ in range(trays)] + [
        ward.other("snack", ("F75", "0.5"), status="cancelled")
    ]
    assert ward.ask(("F75", "0.5"), diets=("SAM-F75",), weight_kg="12", others=others).verdict == verdict


@pytest.mark.parametrize(("diet", "dish"), [("SAM-F75", "F75"), ("SAM-F100", "F100"), ("SAM-F100", "RUTF")])
@pytest.mark.parametrize(
    ("who", "verdict"), [("patient", BLOCK), ("caregiver", BLOCK), ("nurse", ALLOW), ("doctor", ALLOW)]
)
def test_neither_patient_nor_carer_orders_on_a_sam_diet(
    ward: Any, diet: str, dish: str, who: str, verdict: str
) -> None:
    answer = ward.ask((dish, "0.5"), diets=(diet,), weight_kg="8", ordered_by=who)
    assert (answer.verdict, answer.reasons) == (
        verdict,
        [[diet, "ordered_by", who, "order"]] if verdict == BLOCK else [],
    )


@pytest.mark.parametrize("dish", ["F75", "F100", "RUTF"])
@pytest.mark.parametrize("diets", [("REG",), ("CCHO60",), ("HPHE",)])
def test_therapeutic_food_is_blocked_without_an_order_for_it(ward: Any, dish: str, diets: tuple[str, ...]) -> None:
    answer = ward.ask((dish, "1"), diets=diets, gate="cart")
    assert ["DISH", "prescription", dish, "item"] in answer.reasons
    assert answer.verdict == BLOCK


def test_a_prescription_supplement_is_blocked_without_an_order_and_a_plain_one_is_not(ward: Any) -> None:
    assert ward.ask(("X", "1"), dish_facts=plain(prescription=1)).verdict == BLOCK
    assert ward.ask(("ONS-200", "1")).verdict == ALLOW


@pytest.mark.parametrize(
    ("diet", "facts", "verdict", "reason"),
    [
        ("VEG", {"vegetarian": 0}, BLOCK, ["VEG", "require", "vegetarian", "item"]),
        ("VEG", {"vegetarian": None}, UNKNOWN, ["VEG", "tag_unknown", "vegetarian", "item"]),
        ("SDA", {"pork": 1}, BLOCK, ["SDA", "forbid", "pork", "item"]),
        ("SDA", {"pork": None}, UNKNOWN, ["SDA", "tag_unknown", "pork", "item"]),
        ("FOODSAFE", {"raw_produce": 1}, BLOCK, ["FOODSAFE", "forbid", "raw_produce", "item"]),
        ("LACFREE", {"lactose": 1}, BLOCK, ["LACFREE", "forbid", "lactose", "item"]),
        ("CLEAR", {"clear_liquid": 0}, BLOCK, ["CLEAR", "require", "clear_liquid", "item"]),
        ("FULL", {"full_liquid": 0}, BLOCK, ["FULL", "require", "full_liquid", "item"]),
        ("GF", {"allergens": ["gluten"]}, BLOCK, ["GF", "noallergen", "gluten", "item"]),
        ("GF", {"may_contain": ["gluten"]}, BLOCK, ["GF", "noallergen", "gluten", "item"]),
        ("GF", {"allergens": ["barley"]}, BLOCK, ["GF", "noallergen", "gluten", "item"]),
        ("GF", {"allergens": ["milk"]}, ALLOW, None),
    ],
)
def test_item_rules_hold_for_each_dish(ward: Any, diet: str, facts: Any, verdict: str, reason: Any) -> None:
    answer = ward.ask(("X", "1"), diets=(diet,), dish_facts=plain(**facts))
    assert (answer.verdict, answer.reasons) == (verdict, [reason] if reason else [])


@pytest.mark.req("A4", "A7", "A9", "A10")
@pytest.mark.parametrize(
    ("lines", "with_it", "without_it"),
    [
        ([("RICE", "1")], {"npo": [npo("10:00:00")]}, {}),
        ([("GNT", "1")], {"allergies": [{"code": "peanuts", "severity": "severe"}]}, {}),
        ([("GOT-BRO", "1")], {"diets": ("IDDSI5",), "iddsi_drink": 0}, {"iddsi_drink": 0}),
        ([("RICE", "1.5")], {"diets": ("CCHO60",)}, {"diets": ("HALAL",)}),
        ([("PRK", "1")], {"diets": ("HALAL",)}, {}),
        ([("RICE", "1")], {"dish_facts": {"RICE": {"declaration": "stale"}}}, {}),
        ([("RICE", "1")], {"rows_read": 0}, {}),
        (
            [("BAN", "1")],
            {"diets": ("FLUID1200",), "dish_facts": {"BAN": {"fluid_ml": None}}},
            {"diets": ("FLUID1200",)},
        ),
    ],
)
def test_it_is_the_control_that_stops_the_tray(ward: Any, lines: Any, with_it: Any, without_it: Any) -> None:
    assert ward.ask(*lines, **with_it).verdict in {BLOCK, UNKNOWN}
    assert ward.ask(*lines, **without_it).verdict == ALLOW
