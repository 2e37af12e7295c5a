"""What is written to the logger `fmsdk`: names, figures and ids; never content, keys or media.

Error messages are left out too, since vendors quote the request in theirs. The caller gets them
with the error itself. Each record carries its figures as `record.fmsdk`, for structured logs.
"""

from __future__ import annotations

import logging
from time import perf_counter
from typing import Any

from fmsdk.errors import FmsdkError
from fmsdk.observe.observer import AttemptReport, Outcome, attempts_of, request_id_of
from fmsdk.request import Request
from fmsdk.result import Result

__all__ = ["LogObserver", "LoggedWarning", "logger"]

LoggedWarning = tuple[str, str, str]
"""A warning that was logged: the model's full name, the warning's code and its detail."""
_MAX_KNOWN_WARNINGS = 1000

logger = logging.getLogger("fmsdk")
logger.addHandler(logging.NullHandler())


class LogObserver:
    """Logs one call. DEBUG: the begin of a call, and its answer. INFO: a retry, or an error.
    WARNING: the warnings of an answer; DEBUG, if `known_warnings` holds them already."""

    __slots__ = ("_known_warnings", "_request", "_start_time", "_verb")

    def __init__(self, verb: str, request: Request, known_warnings: set[LoggedWarning]) -> None:
        self._verb = verb
        self._known_warnings = known_warnings
        self._request = request
        self._start_time = perf_counter()
        if logger.isEnabledFor(logging.DEBUG):
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
        """Log an attempt that failed, if another one follows."""
        error, seconds, delay = report.error, report.attempt.seconds, report.delay
        if error is None or delay is None or not logger.isEnabledFor(logging.INFO):
            return
        status = "" if error.status is None else f" ({error.status})"
        self._log(
            logging.INFO,
            f"{type(error).__name__}{status} after {seconds:.2f} s; retry in {delay:.2f} s",
            event="retry",
            error=type(error).__name__,
            status=error.status,
            request_id=error.request_id,
            seconds=seconds,
            delay=delay,
        )

    def call_ended(self, outcome: Outcome) -> None:
        """Log how the call ended, and each warning."""
        if isinstance(outcome, Exception):
            self._log_error(outcome)
            return
        if logger.isEnabledFor(logging.DEBUG):
            self._log_answer(outcome)
        for warning in outcome.warnings:
            key = self._request.name, warning.code, warning.detail
            level = logging.DEBUG if key in self._known_warnings else logging.WARNING
            if len(self._known_warnings) < _MAX_KNOWN_WARNINGS:
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
        if not logger.isEnabledFor(logging.INFO):
            return
        seconds = perf_counter() - self._start_time
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
        cost = answer.cost
        money = "cost unknown" if cost is None else f"{cost.total} {cost.currency}"
        self._log(
            logging.DEBUG,
            f"{finish} after {seconds:.2f} s, {attempts} attempts, tokens {usage.input.total} in "
            f"{usage.output.total} out, {money}, served by {answer.served_model}, "
            f"request {request_id}",
            event="response",
            finish=finish,
            served_model=answer.served_model,
            request_id=request_id,
            input_tokens=usage.input.total,
            output_tokens=usage.output.total,
            cost=None if cost is None else cost.total,
            seconds=seconds,
            attempts=attempts,
        )

    def _log(self, level: int, text: str, **figures: Any) -> None:
        request = self._request
        figures |= {"verb": self._verb, "provider": request.provider, "model": request.model}
        logger.log(level, "%s %s: %s", self._verb, request.name, text, extra={"fmsdk": figures})
