"""Tells Piccolo where the migrations lie and which tables there are."""

from piccolo.conf.apps import AppConfig, table_finder

from dusangire.kernel.settings import ROOT

PACKAGES = (
    "accounts", "wards", "menu", "diets", "notify", "payments", "subscriptions", "orders", "catering", "kitchen",
    "delivery",
)  # fmt: skip

APP_CONFIG = AppConfig(
    app_name="dusangire",
    migrations_folder_path=str(ROOT / "migrations"),
    table_classes=[
        table
        for table in table_finder([f"dusangire.{package}.tables" for package in PACKAGES])
        if table.__module__.endswith(".tables")
    ],
    migration_dependencies=[],
    commands=[],
)
