"""Logs as one JSON object a line, with the request id and without secrets."""

from __future__ import annotations

from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from apps.core import marks
from apps.core.secrecy import masked, scrub


def without_secrets(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Processor: masks values of sensitive keys, and tokens and signatures inside any text."""
    return {
        key: value if key.startswith("_") or key == "exc_info" else masked(_plain(value), key)
        for key, value in event.items()
    }


def with_address(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Processor: the address of the client, while a request is being answered."""
    if (ip := marks.current().ip) is not None:
        event.setdefault("ip", ip)
    return event


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str | dict | list | tuple):
        return value
    return scrub(str(value))


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    with_address,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
]


def logging_config(level: str, style: str) -> dict[str, Any]:
    """Django's LOGGING; `style` is json (one object a line) or plain (for a terminal)."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": "structlog.stdlib.ProcessorFormatter",
                "foreign_pre_chain": [*SHARED, structlog.stdlib.ExtraAdder()],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.StackInfoRenderer(),
                    structlog.processors.format_exc_info,  # to text, so that it is masked too
                    without_secrets,
                    renderer,
                ],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {"django_structlog": {"level": "INFO"}},
    }
