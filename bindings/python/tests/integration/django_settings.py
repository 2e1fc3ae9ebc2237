"""Django as an application without models has it, on the database of the engine."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import django
from django.conf import settings

from integration.engine import database_url


def configure() -> None:
    if settings.configured:
        return
    parts = urlsplit(database_url())
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "NAME": parts.path.lstrip("/"),
    }
    settings.configure(DATABASES={"default": database}, USE_TZ=True)
    django.setup()


configure()

from django.db import connection  # noqa: E402

__all__ = ["connection"]
