"""When to retry, and how long to wait before. Knows no request and no clock.

The delay is an exponential backoff minus a random part of up to a quarter, as in the vendors'
SDKs. So delays always grow, unlike with full jitter. If the vendor said how long to wait, the delay
is that time plus a small random part: many clients then do not return in the same instant. A wait
that is shorter than the first backoff is no reason to hurry: all retries would be spent at once.
"""

from __future__ import annotations

import random

from fmsdk.errors import FmsdkError

__all__ = ["delay_before_retry"]

BASE_DELAY = 0.5
MAX_DELAY = 8.0
BACKOFF_JITTER = 0.25
RETRY_AFTER_JITTER = 0.1
LONGEST_WAIT = 120.0
"""Seconds. A longer delay without a deadline is an error; the caller may use its `retry_after`."""


def delay_before_retry(
    error: FmsdkError, attempts: int, *, retries: int, remaining: float | None
) -> float | None:
    """Seconds to wait after attempt number `attempts` (from 1) ended in `error`. None: there is no
    further attempt, because the error is not retryable, no retries are left, or the delay exceeds
    the `remaining` seconds of the deadline (without a deadline: `LONGEST_WAIT`)."""
    if not error.retryable or attempts > retries:
        return None
    backoff = min(MAX_DELAY, BASE_DELAY * 2 ** (attempts - 1))
    delay = backoff * (1 - BACKOFF_JITTER * random.random())  # noqa: S311 - not cryptography
    if error.retry_after is not None:
        wait = error.retry_after * (1 + RETRY_AFTER_JITTER * random.random())  # noqa: S311
        delay = wait if error.retry_after >= BASE_DELAY else max(wait, delay)
    return delay if delay < (LONGEST_WAIT if remaining is None else remaining) else None
