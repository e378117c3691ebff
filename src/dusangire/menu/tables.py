"""What can be cooked: ingredients, recipes, dishes and meal periods."""

from decimal import Decimal

from piccolo.columns import JSONB, UUID, Array, BigInt, Boolean, Date, Integer, Numeric, Text, Time, Timestamptz
from piccolo.columns.defaults.timestamptz import TimestamptzNow

from dusangire.kernel.db import OfHospital, Row


class MenuRevision(Row, tablename="menu_revision"):
    hospital = Integer(required=True, primary_key=True)
    rev = BigInt(default=1)


class Ingredient(OfHospital, tablename="ingredient"):
    name = Text(required=True)
    carb_g = Numeric(digits=(9, 3), null=True, default=None)
    sugar_g = Numeric(digits=(9, 3), null=True, default=None)
    protein_g = Numeric(digits=(9, 3), null=True, default=None)
    fat_g = Numeric(digits=(9, 3), null=True, default=None)
    satfat_g = Numeric(digits=(9, 3), null=True, default=None)
    sodium_mg = Numeric(digits=(9, 3), null=True, default=None)
    potassium_mg = Numeric(digits=(9, 3), null=True, default=None)
    phosphorus_mg = Numeric(digits=(9, 3), null=True, default=None)
    fibre_g = Numeric(digits=(9, 3), null=True, default=None)
    allergens = Array(base_column=Text(), null=True, default=None)
    may_contain = Array(base_column=Text(), null=True, default=None)
    declared_on = Date(null=True, default=None)
    animal_origin = Text(default="none")
    data_quality = Text(default="approximate")
    changed_at = Timestamptz(default=TimestamptzNow())


class Dish(OfHospital, tablename="dish"):
    code = Text(required=True)
    name_en = Text(required=True)
    name_fr = Text(required=True)
    name_rw = Text(required=True)
    category = Text(required=True)
    meals = Array(base_column=Text(), required=True)
    price_minor = Integer(required=True)
    serving_g = Numeric(digits=(7, 1), required=True)
    fluid_ml = Numeric(digits=(7, 1), default=Decimal(0))
    is_vegetarian = Boolean(required=True)
    is_vegan = Boolean(required=True)
    is_halal = Boolean(required=True)
    has_pork = Boolean(required=True)
    is_clear_liquid = Boolean(required=True)
    is_full_liquid = Boolean(required=True)
    is_low_residue = Boolean(required=True)
    has_raw_produce = Boolean(required=True)
    is_high_vitamin_k = Boolean(required=True)
    has_lactose = Boolean(required=True)
    iddsi_native = Text(required=True)
    iddsi_achievable = Array(base_column=Integer(), required=True)
    label = JSONB(null=True, default=None)
    label_allergens = Array(base_column=Text(), null=True, default=None)
    label_may_contain = Array(base_column=Text(), null=True, default=None)
    label_declared_on = Date(null=True, default=None)
    recipe_rev = Integer(default=1)
    recipe_changed_at = Timestamptz(default=TimestamptzNow())
    data_quality = Text(default="approximate")
    validated_by = Text(null=True, default=None)
    is_available = Boolean(default=True)
    photo = Text(null=True, default=None)
    position = Integer(default=0)
    retired_at = Timestamptz(null=True, default=None)
    kitchen_line = UUID(null=True, default=None)


class KitchenLine(OfHospital, tablename="kitchen_line"):
    code = Text(required=True)
    name_en = Text(required=True)
    name_fr = Text(required=True)
    name_rw = Text(required=True)
    carries_over = Boolean(default=False)


class RecipeLine(OfHospital, tablename="recipe_line"):
    dish = UUID(required=True)
    ingredient = UUID(required=True)
    grams = Numeric(digits=(8, 2), required=True)


class MealPeriod(OfHospital, tablename="meal_period"):
    code = Text(required=True)
    cutoff = Time(required=True)
    serve_from = Time(required=True)
    serve_to = Time(required=True)
