"""Piccolo's entry point: which database migrations run on, and the one app that has them."""

from piccolo.conf.apps import AppRegistry
from piccolo.engine.postgres import PostgresEngine

from dusangire.kernel.db import address
from dusangire.kernel.settings import settings

DB = PostgresEngine(config=address(settings().owner_url))
APP_REGISTRY = AppRegistry(apps=["dusangire.piccolo_app"])
