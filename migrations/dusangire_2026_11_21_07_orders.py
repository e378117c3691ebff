"""Trays: the cart, the order and its lines, payment of an order, ratings, and answers kept for a second tap."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from dusangire.kernel.schema import script
from migrations.walls import wall, walls

ID = "2026-11-21T07:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = (
    "Trays: the cart, the order and its lines, payment of an order, ratings, and answers kept for a second tap."
)

SQL = f"""
CREATE TABLE cart (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    patient uuid NOT NULL,
    day date NOT NULL,
    period text NOT NULL,
    checked_out_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id)
);
{walls("cart")}
CREATE UNIQUE INDEX cart_open ON cart (hospital, patient, day, period) WHERE checked_out_at IS NULL;

CREATE TABLE cart_line (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    cart uuid NOT NULL,
    dish uuid NOT NULL,
    portion numeric(2, 1) NOT NULL DEFAULT 1 CHECK (portion IN (0.5, 1, 1.5)),
    quantity int NOT NULL CHECK (quantity BETWEEN 1 AND 20),
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (hospital, cart) REFERENCES cart (hospital, id),
    FOREIGN KEY (hospital, dish) REFERENCES dish (hospital, id)
);
{walls("cart_line", grants="SELECT, INSERT, UPDATE, DELETE")}
CREATE UNIQUE INDEX cart_line_once ON cart_line (hospital, cart, dish, portion);

CREATE TABLE meal_order (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    code text NOT NULL,
    tray_token text NOT NULL UNIQUE,
    patient uuid NOT NULL,
    admission uuid NOT NULL,
    cart uuid,
    day date NOT NULL,
    period text NOT NULL,
    serve_from timestamptz NOT NULL,
    serve_to timestamptz NOT NULL,
    status text NOT NULL,
    held_from text,
    hold_reason text NOT NULL DEFAULT '',
    is_late_tray boolean NOT NULL DEFAULT false,
    place text NOT NULL DEFAULT 'bed' CHECK (place IN ('bed', 'staff_area')),
    place_name text NOT NULL DEFAULT '',
    request text NOT NULL DEFAULT '',
    request_state text NOT NULL DEFAULT 'none' CHECK (request_state IN ('none', 'waiting', 'approved', 'declined')),
    items_minor int NOT NULL CHECK (items_minor >= 0),
    tax_minor int NOT NULL DEFAULT 0 CHECK (tax_minor >= 0),
    delivery_minor int NOT NULL DEFAULT 0 CHECK (delivery_minor >= 0),
    discount_minor int NOT NULL DEFAULT 0 CHECK (discount_minor >= 0),
    total_minor int NOT NULL CHECK (total_minor = items_minor + tax_minor + delivery_minor - discount_minor),
    problem text NOT NULL DEFAULT '',
    placed_by uuid NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now(),
    status_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz, ready_at timestamptz, left_at timestamptz, arrived_at timestamptz,
    delivered_at timestamptz, confirmed_at timestamptz,
    FOREIGN KEY (hospital, patient) REFERENCES patient (hospital, id),
    FOREIGN KEY (hospital, admission) REFERENCES admission (hospital, id),
    FOREIGN KEY (hospital, cart) REFERENCES cart (hospital, id)
);
{walls("meal_order")}
CREATE UNIQUE INDEX meal_order_code ON meal_order (hospital, code);
CREATE UNIQUE INDEX meal_order_cart ON meal_order (hospital, cart) WHERE cart IS NOT NULL;
CREATE INDEX meal_order_patient ON meal_order (hospital, patient, day);
CREATE INDEX meal_order_open ON meal_order (hospital, day, period, serve_from)
    WHERE status IN ('awaiting_payment', 'in_review', 'confirmed', 'preparing', 'ready', 'out_for_delivery', 'arrived',
                     'held', 'problem');
CREATE INDEX meal_order_day ON meal_order (hospital, day, status);

CREATE TABLE order_line (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    meal_order uuid NOT NULL,
    position int NOT NULL,
    dish uuid NOT NULL,
    dish_code text NOT NULL,
    name_en text NOT NULL, name_fr text NOT NULL, name_rw text NOT NULL,
    portion numeric(2, 1) NOT NULL CHECK (portion IN (0.5, 1, 1.5)),
    quantity int NOT NULL CHECK (quantity BETWEEN 1 AND 20),
    price_minor int NOT NULL CHECK (price_minor >= 0),
    recipe_rev int NOT NULL,
    FOREIGN KEY (hospital, meal_order) REFERENCES meal_order (hospital, id),
    FOREIGN KEY (hospital, dish) REFERENCES dish (hospital, id)
);
{walls("order_line", grants="SELECT, INSERT")}
CREATE INDEX order_line_order ON order_line (hospital, meal_order, position);

CREATE TABLE payment (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    meal_order uuid NOT NULL,
    method text NOT NULL CHECK (method IN ('cash', 'hospital_account')),
    amount_minor int NOT NULL CHECK (amount_minor >= 0),
    state text NOT NULL CHECK (state IN ('pending', 'paid', 'charged', 'cancelled')),
    created_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    settled_by uuid,
    FOREIGN KEY (hospital, meal_order) REFERENCES meal_order (hospital, id)
);
{walls("payment")}
CREATE UNIQUE INDEX one_live_charge ON payment (hospital, meal_order) WHERE state <> 'cancelled';

CREATE TABLE rating (
    id uuid PRIMARY KEY,
    hospital int NOT NULL,
    meal_order uuid NOT NULL,
    stars int NOT NULL CHECK (stars BETWEEN 1 AND 5),
    reason text NOT NULL DEFAULT '',
    comment text NOT NULL DEFAULT '',
    rated_by uuid NOT NULL,
    rated_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (hospital, meal_order) REFERENCES meal_order (hospital, id)
);
{walls("rating")}
CREATE UNIQUE INDEX rating_once ON rating (hospital, meal_order);

CREATE TABLE idempotency (
    hospital int NOT NULL,
    key text NOT NULL,
    app_user uuid NOT NULL,
    body_hash bytea NOT NULL,
    answer text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (hospital, key)
);
{wall("idempotency")}
GRANT SELECT, INSERT, UPDATE ON idempotency TO dus_app;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="dusangire", description=DESCRIPTION)
    manager.add_raw(script(SQL))
    return manager
