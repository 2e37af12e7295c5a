"""What goes to the logger `fmsdk`: names, figures and ids; never content, keys or media.

Error messages stay out too: vendors quote the request in theirs. The caller gets them with the
error itself. Each record carries its figures as `record.fmsdk`, for structured logs.
"""

from __future__ import annotations

import logging
from time import perf_counter
from typing import Any

from fmsdk.errors import FmsdkError
from fmsdk.observe.observer import AttemptReport, Outcome, attempts_of, request_id_of
from fmsdk.request import Request
from fmsdk.result import Result, Warning
from fmsdk.usage import Cost

__all__ = ["LogObserver", "LoggedWarning", "logger"]

LoggedWarning = tuple[str, str, str]
"""A warning that was logged: the model's full name, the warning's code and its detail."""
_REMEMBERED = 1000

logger = logging.getLogger("fmsdk")
logger.addHandler(logging.NullHandler())


class LogObserver:
    """DEBUG: a call began, and how it was answered. INFO: it is tried again, or failed.
    WARNING: the warnings of an answer; DEBUG, where `known_warnings` holds them already."""

    __slots__ = ("_began", "_known_warnings", "_request", "_verb")

    def __init__(self, verb: str, request: Request, known_warnings: set[LoggedWarning]) -> None:
        self._verb = verb
        self._known_warnings = known_warnings
        self._request = request
        self._began = perf_counter()
        if logger.isEnabledFor(logging.DEBUG):
            self._log_request()

    def _log_request(self) -> None:
        request = self._request
        kinds = sorted(part.kind for part in request.media())
        self._log(
            logging.DEBUG,
            f"{len(request.messages)} messages, media: {', '.join(kinds) or 'none'}",
            event="request",
            messages=len(request.messages),
            media=kinds,
            settings=request.settings.chosen(),
            tools=len(request.tools),
        )

    def attempt_ended(self, report: AttemptReport) -> None:
        """A line for an attempt that failed and is followed by another one."""
        error, seconds, delay = report.error, report.attempt.seconds, report.delay
        if error is None or delay is None or not logger.isEnabledFor(logging.INFO):
            return
        status = "" if error.status is None else f" ({error.status})"
        self._log(
            logging.INFO,
            f"{type(error).__name__}{status} after {seconds:.2f} s; tried again in {delay:.2f} s",
            event="retry",
            error=type(error).__name__,
            status=error.status,
            request_id=error.request_id,
            seconds=seconds,
            delay=delay,
        )

    def ended(self, outcome: Outcome) -> None:
        """A line for how it ended, and one for each warning."""
        if isinstance(outcome, Exception):
            if logger.isEnabledFor(logging.INFO):
                self._log_error(outcome)
            return
        if logger.isEnabledFor(logging.DEBUG):
            self._log_answer(outcome)
        for warning in outcome.warnings:
            self._log_warning(warning)

    def _log_warning(self, warning: Warning) -> None:
        key = self._request.name, warning.code, warning.detail
        level = logging.DEBUG if key in self._known_warnings else logging.WARNING
        if len(self._known_warnings) < _REMEMBERED:
            self._known_warnings.add(key)
        if logger.isEnabledFor(level):
            self._log(
                level,
                f"{warning.code}: {warning.message}",
                event="warning",
                code=warning.code,
                detail=warning.detail,
            )

    def _log_error(self, error: Exception) -> None:
        seconds = perf_counter() - self._began
        status = error.status if isinstance(error, FmsdkError) else None
        request_id, attempts = request_id_of(error), attempts_of(error)
        self._log(
            logging.INFO,
            f"{type(error).__name__} after {seconds:.2f} s, {attempts} attempts, "
            f"status {status}, request {request_id}",
            event="error",
            error=type(error).__name__,
            status=status,
            request_id=request_id,
            attempts=attempts,
            seconds=seconds,
        )

    def _log_answer(self, answer: Result) -> None:
        seconds, usage = answer.latency.total, answer.usage
        finish = answer.finishes[0] if answer.finishes else "stop"
        request_id, attempts = request_id_of(answer), attempts_of(answer)
        self._log(
            logging.DEBUG,
            f"{finish} after {seconds:.2f} s, {attempts} attempts, tokens {usage.input.total} in "
            f"{usage.output.total} out, {_money(answer.cost)}, served by {answer.served_model}, "
            f"request {request_id}",
            event="response",
            finish=finish,
            served_model=answer.served_model,
            request_id=request_id,
            input_tokens=usage.input.total,
            output_tokens=usage.output.total,
            cost=None if answer.cost is None else answer.cost.total,
            seconds=seconds,
            attempts=attempts,
        )

    def _log(self, level: int, text: str, **figures: Any) -> None:
        request = self._request
        figures |= {"verb": self._verb, "provider": request.provider, "model": request.model}
        logger.log(level, "%s %s: %s", self._verb, request.name, text, extra={"fmsdk": figures})


def _money(cost: Cost | None) -> str:
    return "cost unknown" if cost is None else f"{cost.total} {cost.currency}"
