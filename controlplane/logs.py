"""Structured logs on standard error: JSON in production, columns in development. Secrets print `***`."""

from __future__ import annotations

import logging
import logging.config
import re

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from cloud.secrets import Secret

SECRET_NAMES = re.compile(r"password|secret|token|authorization|credential|cookie|api_?key", re.IGNORECASE)
HARMLESS_NAMES = frozenset({"claim_token", "secret_name", "secret_version", "credential_id"})  # references, not values


def configure(*, as_json: bool, level: str) -> None:
    """Send our events and those of every library through one chain of processors."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "all": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": _rendering(as_json=as_json),
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "all"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                # Request and response headers of the Azure SDK, and a line for each beat: noise at our level.
                name: {"level": "WARNING"}
                for name in ("azure", "urllib3", "msal", "celery.beat", "celery.worker.strategy", "celery.app.trace")
            },
        }
    )


def _rendering(*, as_json: bool) -> list[Processor]:
    """What turns an event into a line."""
    meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if as_json:
        return [meta, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    # A plain traceback: the richer ones show local variables, passwords among them.
    return [meta, structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]


def hide_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Replace secret values, and whatever stands under a name that sounds like one."""
    return {name: _shown(name, value) for name, value in event.items()}


def _shown(name: str, value: object) -> object:
    if isinstance(value, Secret):
        return "***"
    if isinstance(value, str) and SECRET_NAMES.search(name) and name not in HARMLESS_NAMES:
        return "***"
    if isinstance(value, dict):
        return {key: _shown(str(key), inner) for key, inner in value.items()}
    return value
