"""The caller's own functions, called once before and once after each call.

They run on the event loop's thread and get views: see `fmsdk.observe.redact`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from fmsdk.errors import BadRequestError, FmsdkError
from fmsdk.observe.log import logger
from fmsdk.observe.observer import AttemptReport, Outcome
from fmsdk.observe.redact import error_view, request_view, result_view
from fmsdk.request import Request
from fmsdk.result import Result

__all__ = ["HookObserver", "Hooks", "OnRequest", "OnResponse"]

OnRequest = Callable[[Request], object]
OnResponse = Callable[[Any], object]
"""Takes the `Result` (a `Response`, `Transcription`, …), or the `FmsdkError`."""


class Hooks:
    """A client's hooks. Raises BadRequestError for a hook that cannot be called without `await`."""

    def __init__(self, on_request: OnRequest | None, on_response: OnResponse | None) -> None:
        for name, hook in (("on_request", on_request), ("on_response", on_response)):
            if hook is not None and (not callable(hook) or inspect.iscoroutinefunction(hook)):
                raise BadRequestError(
                    f"{name} must be a plain function; to do slow work, let it start a task or "
                    "fill a queue"
                )
        self._on_request = on_request
        self._on_response = on_response

    def call_on_request(self, request: Request) -> tuple[HookObserver, ...]:
        """Call `on_request`. The observer returned, if any, calls `on_response`."""
        if self._on_request is not None:
            _call_hook("on_request", self._on_request, request_view(request))
        return () if self._on_response is None else (HookObserver(self._on_response),)


class HookObserver:
    """Calls `on_response` at the end of one call."""

    __slots__ = ("_hook",)

    def __init__(self, hook: OnResponse) -> None:
        self._hook = hook

    def attempt_ended(self, report: AttemptReport) -> None:
        """Nothing: attempts are in `latency.attempts`, or the error's `attempts`."""

    def call_ended(self, outcome: Outcome) -> None:
        """Call the hook."""
        if isinstance(outcome, Result):
            view: Result | FmsdkError = result_view(outcome)
        elif isinstance(outcome, FmsdkError):
            view = error_view(outcome)
        else:
            view = FmsdkError(f"the provider failed unexpectedly: {type(outcome).__name__}")
        _call_hook("on_response", self._hook, view)


def _call_hook(name: str, hook: Callable[[Any], object], view: object) -> None:
    try:
        hook(view)
    except KeyboardInterrupt:
        raise
    except BaseException:  # sys.exit() too, which would end the thread of other calls
        logger.exception("%s raised; the call goes on", name)
