"""Reads of trays: orders with their lines, tickets with their beds, carts, and what a verdict needs of other trays."""

from .carts import Cart, CartLine, cart, locked_cart
from .judging import others, patients_with_open_dish, trays
from .orders import (
    DishRating,
    Order,
    OrderLine,
    Rating,
    history,
    is_own_only,
    named,
    order,
    order_by_code,
    orders_of,
    rating_of,
    rating_of_dishes,
    requests,
)
from .placing import Account, Kept, Placed, account, free_code, kept_answer, last_method, last_placed
from .portal import Bedside, Portal, bedside, person, portal, stamp
from .tickets import Ticket, by_tray_token, carrier_of, ticket, tickets

__all__ = [
    "Account",
    "Bedside",
    "Cart",
    "CartLine",
    "DishRating",
    "Kept",
    "Order",
    "OrderLine",
    "Placed",
    "Portal",
    "Rating",
    "Ticket",
    "account",
    "bedside",
    "by_tray_token",
    "carrier_of",
    "cart",
    "free_code",
    "history",
    "is_own_only",
    "kept_answer",
    "last_method",
    "last_placed",
    "locked_cart",
    "named",
    "order",
    "order_by_code",
    "orders_of",
    "others",
    "patients_with_open_dish",
    "person",
    "portal",
    "rating_of",
    "rating_of_dishes",
    "requests",
    "stamp",
    "ticket",
    "tickets",
    "trays",
]
