"""When to try again, and how long to wait before. Knows no request and no clock.

An exponential backoff of which up to a quarter is left out at random, as in the vendors' SDKs:
waits always grow, which full jitter does not promise. Where the vendor said how long to wait, that
long, plus a little at random, so that many clients do not come back in the same instant.
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
"""Seconds beyond which, without a deadline, the caller decides: `retry_after` is on the error."""


def delay_before_retry(
    error: FmsdkError, attempts: int, *, retries: int, remaining: float | None
) -> float | None:
    """Seconds to wait after the attempt number `attempts` (from 1) ended in `error`, or None if
    that was the last: not retryable, no retries left, or no time left (`remaining` seconds of
    the deadline; None for no deadline, where nothing over `LONGEST_WAIT` is waited for)."""
    if not error.retryable or attempts > retries:
        return None
    if error.retry_after is not None:
        delay = error.retry_after * (1 + RETRY_AFTER_JITTER * random.random())  # noqa: S311 - not cryptography
    else:
        backoff = min(MAX_DELAY, BASE_DELAY * 2 ** (attempts - 1))
        delay = backoff * (1 - BACKOFF_JITTER * random.random())  # noqa: S311
    return delay if delay < (LONGEST_WAIT if remaining is None else remaining) else None
