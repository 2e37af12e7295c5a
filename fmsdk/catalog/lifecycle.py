"""Warnings and errors on a model before a request is sent: it has ended, will end, or is unknown.

Ends of models are those at their vendor's own endpoint (`provider.vendor`), by the date of the
client's clock. Through another server (not `provider.is_official`) they are only warnings. What a
model accepts is checked in `fmsdk.pipeline.capability_check`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

from fmsdk.catalog import Retirement, retirement
from fmsdk.errors import ModelRetired
from fmsdk.provider import Capabilities, Provider
from fmsdk.request import Request
from fmsdk.response import Warning, WarningCode

__all__ = [
    "Clock",
    "known_capabilities",
    "refuse_retired",
    "retirement_warnings",
    "today",
    "unknown_model_warnings",
]

Clock = Callable[[], datetime.date | datetime.datetime]
"""Returns the date. Of a datetime, the date in UTC counts (a naive one is UTC)."""


def today(clock: Clock | None) -> datetime.date:
    """The date in UTC, by `clock`, or the machine's own."""
    now = datetime.datetime.now(datetime.UTC) if clock is None else clock()
    if not isinstance(now, datetime.datetime):
        return now
    return (now if now.tzinfo is None else now.astimezone(datetime.UTC)).date()


def refuse_retired(
    request: Request, provider: Provider, clock: Clock | None
) -> tuple[Warning, ...]:
    """Warnings on the end of the request's model, as `retirement_warnings`.

    Raises:
        ModelRetired: the vendor has switched it off at its own endpoint, which `provider` asks, and
            the request lacks `allow_retired`.
    """
    end = _end(request, provider.vendor, clock)
    if end is None:
        return ()
    warning = _warning(request, end, today(clock))
    is_refused = warning.code == "model_retired" and provider.is_official
    if is_refused and not request.allow_retired:
        raise ModelRetired(
            f"{warning.message}. Pass allow_retired=True to send the request anyway",
            successor=end.successor,
            date=end.date,
            provider=request.provider,
            model=request.model,
        )
    return (warning,)


def retirement_warnings(
    request: Request, vendor: str | None, clock: Clock | None
) -> tuple[Warning, ...]:
    """A warning with the date and the successor: "model_retired" where the vendor has switched
    the model off, "model_retiring" where it will, or may have. Empty where no end is announced."""
    end = _end(request, vendor, clock)
    return () if end is None else (_warning(request, end, today(clock)),)


async def known_capabilities(provider: Provider, model: str) -> Capabilities:
    """What the model accepts. If fmsdk has no facts on it, the server is asked, where it can be."""
    capabilities = provider.capabilities(model)
    if capabilities.known:
        return capabilities
    await provider.learn(model)
    return provider.capabilities(model)


def unknown_model_warnings(capabilities: Capabilities, request: Request) -> tuple[Warning, ...]:
    """A warning where it is unknown what the model accepts."""
    if capabilities.known:
        return ()
    return (
        Warning(
            "model_unknown",
            f"fmsdk has no facts on {request.name}, so the request was checked only against what "
            "its API can carry; the server may refuse or ignore what the model does not support",
            request.name,
        ),
    )


def _end(request: Request, vendor: str | None, clock: Clock | None) -> Retirement | None:
    """The end of the request's model. That of another endpoint counts only once it is reached."""
    end = None if vendor is None else retirement(vendor, request.model)
    is_near = end is not None and (end.is_own or today(clock) >= end.date)
    return end if is_near else None


def _warning(request: Request, end: Retirement, now: datetime.date) -> Warning:
    has_come = now >= end.date
    code: WarningCode = "model_retired" if has_come and end.is_own else "model_retiring"
    verb = "was" if has_come else "will be"
    doubt = f" ({end.origin.doubt} information)" if end.origin.doubt else ""
    sentences = [f"{request.name} {verb} switched off by {end.vendor} on {end.date}{doubt}"]
    if end.successor is not None:
        successor = f"its successor is {request.provider}:{end.successor}"
        after = retirement(end.vendor, end.successor)
        if after is not None and after.is_own:
            successor += f" (until {after.date}"
            successor += f", then {after.successor})" if after.successor else ")"
        sentences.append(successor)
    if end.note:
        sentences.append(end.note)
    return Warning(code, "; ".join(sentences), request.name)
