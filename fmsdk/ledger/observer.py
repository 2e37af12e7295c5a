"""The observer that turns one call into records for a ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from fmsdk.content import MediaPart
from fmsdk.errors import FmsdkError
from fmsdk.ledger.records import AttemptRecord, CallRecord, Ledger
from fmsdk.media.source import FileRef, UrlSource, shown_url
from fmsdk.observe.log import logger
from fmsdk.observe.observer import AttemptReport, Outcome, request_id_of, result_of
from fmsdk.request import Request
from fmsdk.result import Result
from fmsdk.serialization import to_json

__all__ = ["LedgerObserver"]


class LedgerObserver:
    """Records one call and its attempts. Whatever fails here is logged, and stops no call."""

    __slots__ = (
        "_call_id", "_cost", "_ledger", "_number", "_quote", "_request", "_start",
        "_unknown_costs", "_verb",
    )  # fmt: skip

    def __init__(self, ledger: Ledger, verb: str, request: Request, call_id: str) -> None:
        self._ledger = ledger
        self._verb = verb
        self._request = request
        self._call_id = call_id
        self._start = datetime.now(UTC)
        self._number = self._unknown_costs = 0
        self._cost: Decimal | None = None
        self._quote: Any = None

    def attempt_ended(self, report: AttemptReport) -> None:
        """Record the attempt."""
        self._number += 1
        self._quote = report.quote
        if report.cost is not None:
            self._cost = report.cost.total + (self._cost or 0)
        elif not report.is_unbilled:
            self._unknown_costs += 1
        request = self._request
        self._ledger.record_attempt(
            AttemptRecord(
                call_id=self._call_id,
                number=self._number,
                time=datetime.now(UTC) - timedelta(seconds=report.attempt.seconds),
                verb=self._verb,
                provider=request.provider,
                model=request.model,
                tags=request.tags,
                attempt=report.attempt,
                served_model=report.served_model,
                request_id=report.request_id,
                usage=report.usage,
                cost=report.cost,
                is_unbilled=report.is_unbilled,
                held_reservation=report.held_reservation,
                quote=report.quote,
            )
        )

    def call_ended(self, outcome: Outcome) -> None:
        """Record the call."""
        result, request = result_of(outcome), self._request
        error = outcome if isinstance(outcome, Exception) else None
        finish = result.finishes[0] if result is not None and result.finishes else None
        is_cancelled = error is None and finish == "cancelled"
        content = self._ledger.stores_content
        # The price snapshot is that of the last attempt.
        self._ledger.record_call(
            CallRecord(
                call_id=self._call_id,
                time=self._start,
                verb=self._verb,
                provider=request.provider,
                model=request.model,
                tags=request.tags,
                outcome="error" if error else "cancelled" if is_cancelled else "ok",
                attempts=self._number,
                served_model=result and result.served_model,
                request_id=request_id_of(outcome),
                finish=finish,
                error=type(error).__name__ if error else None,
                status=error.status if isinstance(error, FmsdkError) else None,
                usage=result and result.usage,
                cost=self._cost,
                last_cost=result and result.cost,
                unpriced_attempts=self._unknown_costs,
                latency=result and result.latency,
                seconds=(datetime.now(UTC) - self._start).total_seconds(),
                quote=self._quote,
                request=_write_content(request) if content else None,
                answer=_write_content(result) if content and result is not None else None,
            )
        )


def _write_content(value: Request | Result) -> str | None:
    """The JSON of a request or an answer whose media are named instead of held, without a
    provider's options, which may hold keys, and without the vendor's own objects."""
    try:
        value = value.with_media(_name_media)
        if isinstance(value, Request):
            value = replace(value, options=None)
        else:
            value = replace(value, raw_body=None, usage=replace(value.usage, raw=None))
        return to_json(value, media="reference")
    except Exception as error:  # content of an odd kind costs the row nothing else
        logger.warning("ledger: content cannot be stored: %s", type(error).__name__)
        return None


def _name_media(part: MediaPart) -> MediaPart:
    source = part.source
    if isinstance(source, FileRef):
        return part
    if isinstance(source, UrlSource):
        return replace(part, source=UrlSource(shown_url(source.url)))
    return replace(part, source=FileRef("ledger", part.describe(), part.mime_type))
