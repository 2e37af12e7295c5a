"""What a request identifies itself with: a key or token, or a function that returns one.

A function is asked before every attempt, so that it may refresh what has expired. The last value
stays here alone, so that error texts can be searched for it; nothing prints it.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable, iscoroutinefunction
from typing import Any, cast

from fmsdk.errors import AuthenticationError
from fmsdk.hidden import HiddenText
from fmsdk.threads import run_in_thread

__all__ = ["Credential"]


class Credential:
    """A key or token.

    Args:
        source: the text; a function that returns it, with or without `async` (one without runs
            in a thread, since it may ask a server, as azure-identity's do); None: there is none.
        provider: for errors.
    """

    __slots__ = ("_function", "_provider", "_value")

    def __init__(self, source: str | Callable[[], Any] | None, provider: str) -> None:
        self._function = source if callable(source) else None
        self._value = None if callable(source) or source is None else HiddenText(source)
        self._provider = provider

    @property
    def last_value(self) -> str | None:
        """The text, of a function the text it returned last; None where there is none."""
        return self._value

    @property
    def is_function(self) -> bool:
        """Whether each attempt asks for it anew."""
        return self._function is not None

    async def value(self) -> str | None:
        """The text for one attempt.

        Raises:
            AuthenticationError: the function failed, or returned what no header can carry.
        """
        function = self._function
        if function is None:
            return self._value
        try:
            if iscoroutinefunction(function):
                value: object = await function()
            else:
                value = await run_in_thread(function)
                if isawaitable(value):
                    value = await cast("Any", value)
        except Exception as error:
            what = f"the function given as api_key raised {type(error).__name__}"
            raise AuthenticationError(
                f"{self._provider}: {what}", provider=self._provider
            ) from error
        # The value is not shown: it may be a token with a line break at its end.
        problem = f"{type(value).__name__}, not text"
        if isinstance(value, str):
            if value.isascii() and value.isprintable() and value == value.strip() and value:
                self._value = HiddenText(value)
                return self._value
            problem = "text that no header can carry"
        del value
        raise AuthenticationError(
            f"{self._provider}: the function given as api_key returned {problem}",
            provider=self._provider,
        )

    def __repr__(self) -> str:
        return f"Credential({'function' if self._function else 'text' if self._value else None})"
