"""What is said of a model before anything is sent: that it is gone, or going, or not known.

Ends of models hold at their vendor's own endpoint alone (`provider.vendor`), by the date that the
client's clock tells. What a model takes is `fmsdk.pipeline.capability_check`'s to enforce.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

from fmsdk.catalog import Retirement, retirement
from fmsdk.errors import ModelRetired
from fmsdk.provider import Capabilities, Provider
from fmsdk.request import Request
from fmsdk.response import Warning, WarningCode

__all__ = ["Clock", "known_capabilities", "of_its_end", "refuse_retired", "today", "unless_known"]

Clock = Callable[[], datetime.date | datetime.datetime]
"""What tells the date; of a datetime, the date in UTC counts (a naive one is UTC)."""


def today(clock: Clock | None) -> datetime.date:
    """The date in UTC, by `clock`, or the machine's own."""
    now = datetime.datetime.now(datetime.UTC) if clock is None else clock()
    if not isinstance(now, datetime.datetime):
        return now
    return (now if now.tzinfo is None else now.astimezone(datetime.UTC)).date()


def refuse_retired(
    request: Request, vendor: str | None, clock: Clock | None
) -> tuple[Warning, ...]:
    """What there is to say of the end of the request's model: see `of_its_end`.

    Raises:
        ModelRetired: it is gone, and the request does not insist (`allow_retired`).
    """
    end = _end(request, vendor, clock)
    if end is None:
        return ()
    warning = _warning(request, end, today(clock))
    if warning.code == "model_retired" and not request.allow_retired:
        raise ModelRetired(
            f"{warning.message}. allow_retired=True asks for it all the same",
            successor=end.successor,
            date=end.date,
            provider=request.provider,
            model=request.model,
        )
    return (warning,)


def of_its_end(request: Request, vendor: str | None, clock: Clock | None) -> tuple[Warning, ...]:
    """A warning with the date and the successor: "model_retired" where the vendor has switched
    the model off, "model_retiring" where it will, or may have. None where no end is announced."""
    end = _end(request, vendor, clock)
    return () if end is None else (_warning(request, end, today(clock)),)


async def known_capabilities(provider: Provider, model: str) -> Capabilities:
    """What the model takes; where nobody described it, the server is asked, if it tells."""
    capabilities = provider.capabilities(model)
    if capabilities.known:
        return capabilities
    await provider.learn(model)
    return provider.capabilities(model)


def unless_known(capabilities: Capabilities, request: Request) -> tuple[Warning, ...]:
    """A warning that what the model takes is not known, where it is not."""
    if capabilities.known:
        return ()
    return (
        Warning(
            "model_unknown",
            f"fmsdk does not know what {request.name} takes, so all that its server can carry "
            "was let pass; what the model cannot take may be refused there, or passed over",
            request.name,
        ),
    )


def _end(request: Request, vendor: str | None, clock: Clock | None) -> Retirement | None:
    """The end of the request's model. Another endpoint's is one only once it has come."""
    end = None if vendor is None else retirement(vendor, request.model)
    is_near = end is not None and (end.is_own or today(clock) >= end.date)
    return end if is_near else None


def _warning(request: Request, end: Retirement, now: datetime.date) -> Warning:
    has_come = now >= end.date
    code: WarningCode = "model_retired" if has_come and end.is_own else "model_retiring"
    verb = "was" if has_come else "will be"
    said = f" ({end.origin.doubt} information)" if end.origin.doubt else ""
    told = [f"{request.name} {verb} switched off by {end.vendor} on {end.date}{said}"]
    if end.successor is not None:
        told.append(f"its successor is {request.provider}:{end.successor}{_further(end)}")
    if end.note:
        told.append(end.note)
    return Warning(code, "; ".join(told), request.name)


def _further(end: Retirement) -> str:
    """Where the successor has an end of its own, when, and who comes then."""
    after = None if end.successor is None else retirement(end.vendor, end.successor)
    if after is None or not after.is_own:
        return ""
    return f" (until {after.date}" + (f", then {after.successor})" if after.successor else ")")
