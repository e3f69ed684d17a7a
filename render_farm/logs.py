"""Logging: one line per event, for people or for machines; the same for the hub and for farm nodes."""

import sys

import structlog

LOG_STYLES = ("text", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")


def set_up_logs(style: str, level: str, service: str = "") -> None:
    """Send structlog to standard error as text or as JSON lines, each with the name of the service if there is one."""

    def name_service(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {"service": service, **event} if service else event

    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            name_service,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
