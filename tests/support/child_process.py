"""Child processes that a test interrupts."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from typing import Any

__all__ = ["start_interruptible"]


def start_interruptible(command: Sequence[str], **settings: Any) -> subprocess.Popen[Any]:
    """Start a process that SIGINT interrupts, with the `settings` of `subprocess.Popen`.

    A child inherits that SIGINT is ignored, as it is under `nohup` and in the background jobs of
    a shell. Python then sets up no KeyboardInterrupt.
    """
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, **settings)
    finally:
        signal.signal(signal.SIGINT, handler)
