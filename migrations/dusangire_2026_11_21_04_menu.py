"""Ingredients, recipes, dishes, meal periods, and the revision that caches watch."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import wall, walls

ID = "2026-11-21T04:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Ingredients, recipes, dishes, meal periods, and the revision that caches watch."

SQL = f"""
CREATE TABLE menu_revision (
    hospital int PRIMARY KEY REFERENCES hospital,
    rev bigint NOT NULL DEFAULT 1
);
{wall("menu_revision")}
GRANT SELECT, INSERT, UPDATE ON menu_revision TO dus_app;

CREATE TABLE ingredient (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    name text NOT NULL,
    carb_g numeric(9, 3), sugar_g numeric(9, 3), protein_g numeric(9, 3), fat_g numeric(9, 3), satfat_g numeric(9, 3),
    sodium_mg numeric(9, 3), potassium_mg numeric(9, 3), phosphorus_mg numeric(9, 3), fibre_g numeric(9, 3),
    allergens text[],
    may_contain text[],
    declared_on date,
    animal_origin text NOT NULL DEFAULT 'none',
    data_quality text NOT NULL DEFAULT 'approximate',
    changed_at timestamptz NOT NULL DEFAULT now()
);
{walls("ingredient")}
CREATE UNIQUE INDEX ingredient_name ON ingredient (hospital, name);

CREATE TABLE dish (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    code text NOT NULL CHECK (code ~ '^[A-Z0-9-]{{2,16}}$'),
    name_en text NOT NULL, name_fr text NOT NULL, name_rw text NOT NULL,
    category text NOT NULL,
    meals text[] NOT NULL,
    price_minor int NOT NULL CHECK (price_minor >= 0),
    serving_g numeric(7, 1) NOT NULL,
    fluid_ml numeric(7, 1) NOT NULL DEFAULT 0,
    is_vegetarian boolean NOT NULL, is_vegan boolean NOT NULL, is_halal boolean NOT NULL, has_pork boolean NOT NULL,
    is_clear_liquid boolean NOT NULL, is_full_liquid boolean NOT NULL, is_low_residue boolean NOT NULL,
    has_raw_produce boolean NOT NULL, is_high_vitamin_k boolean NOT NULL, has_lactose boolean NOT NULL,
    iddsi_native text NOT NULL, iddsi_achievable int[] NOT NULL,
    label jsonb,
    label_allergens text[], label_may_contain text[], label_declared_on date,
    recipe_rev int NOT NULL DEFAULT 1,
    recipe_changed_at timestamptz NOT NULL DEFAULT now(),
    data_quality text NOT NULL DEFAULT 'approximate',
    validated_by text,
    is_available boolean NOT NULL DEFAULT true,
    photo text,
    position int NOT NULL DEFAULT 0,
    retired_at timestamptz
);
{walls("dish")}
CREATE UNIQUE INDEX dish_code ON dish (hospital, code);

CREATE TABLE recipe_line (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    dish uuid NOT NULL,
    ingredient uuid NOT NULL,
    grams numeric(8, 2) NOT NULL CHECK (grams > 0),
    FOREIGN KEY (hospital, dish) REFERENCES dish (hospital, id),
    FOREIGN KEY (hospital, ingredient) REFERENCES ingredient (hospital, id)
);
{walls("recipe_line", grants="SELECT, INSERT, UPDATE, DELETE")}
CREATE UNIQUE INDEX recipe_line_once ON recipe_line (hospital, dish, ingredient);

CREATE TABLE meal_period (
    id uuid PRIMARY KEY,
    hospital int NOT NULL REFERENCES hospital,
    code text NOT NULL CHECK (code IN
        ('breakfast', 'morning_snack', 'lunch', 'afternoon_snack', 'dinner', 'evening_snack')),
    cutoff time NOT NULL,
    serve_from time NOT NULL,
    serve_to time NOT NULL,
    CHECK (cutoff <= serve_from AND serve_from < serve_to)
);
{walls("meal_period")}
CREATE UNIQUE INDEX meal_period_code ON meal_period (hospital, code);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
