"""Log lines: typed fields, correlation ids, and never personal data; what is logged is decided where it happens."""

import logging
import sys

import orjson
import structlog


def configure(log_format: str, *, quiet: bool = False) -> None:
    """Send every log line to standard error as JSON or, for people, as text; with `quiet` warnings and errors alone.

    Access logs of the server are off: they hold addresses.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(_json)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _error_type_only,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING if quiet else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _json(fields: object, **_: object) -> str:
    return orjson.dumps(fields, str).decode()


def _error_type_only(_: object, __: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Errors of the database and of validators quote values: only the type and place of an error are logged."""
    error = fields.pop("error", None)
    if isinstance(error, BaseException):
        fields["error_type"] = type(error).__name__
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is not None:
            fields["error_at"] = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
    return fields


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """The logger of a module."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(module=name)
    return logger
