"""How a command ends that does not go well: one line, an exit code, and no traceback.

With `FMSDK_DEBUG` set, the traceback comes first.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from fmsdk.cli import terminal
from fmsdk.cli.records import error_record
from fmsdk.errors import FmsdkError

__all__ = ["FAILED", "INTERRUPTED", "guarded", "leave_at_once", "report"]

FAILED = 2
_KEYWORD = re.compile(r"\b(allow_retired|lenient)=True\b")
_DEFECT = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # what shells give a command ended by SIGINT: 128 + 2
_NO_READER = 141  # and by SIGPIPE: 128 + 13


def guarded(work: Callable[[], int], *, as_json: bool) -> int:
    """The exit code of `work`, or that of its failure."""
    try:
        code = work()
        sys.stdout.flush()  # what cannot be written is to be heard of here
        return code
    except FmsdkError as error:
        report(error, as_json=as_json)
        return FAILED
    except KeyboardInterrupt:
        terminal.note("fmsdk: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        return _NO_READER
    except OSError as error:  # providers raise their own: this is the output, on a full disk, say
        _show_traceback(error)
        terminal.note(f"fmsdk: error: {error}")
        return FAILED
    except Exception as error:
        return _defect(error, as_json=as_json)


def leave_at_once(code: int) -> NoReturn:
    """End the process without waiting for threads that load or run a model: the interpreter would
    wait for the one until it is done, and abort over the other."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # said already
            stream.flush()
    os._exit(code)


def report(error: FmsdkError, *, as_json: bool) -> None:
    """Say what went wrong: a line on standard error, or a JSON object on standard output."""
    _show_traceback(error)
    if as_json:
        terminal.print_json(error_record(error))
    else:
        terminal.note(f"fmsdk: error: {_in_flags(error.message)}")


def _in_flags(message: str) -> str:
    """The message with the flags of this command in the place of Python's keywords."""
    return _KEYWORD.sub(lambda found: f"--{found[1].replace('_', '-')}", message)


def _defect(error: Exception, *, as_json: bool) -> int:
    shown = _show_traceback(error)
    hint = "" if shown else "; set FMSDK_DEBUG=1 to see the traceback"
    if as_json:
        terminal.print_json(error_record(error))
    terminal.note(f"fmsdk: internal error: {type(error).__name__}: {error}{hint}")
    return _DEFECT


def _show_traceback(error: Exception) -> bool:
    if not os.environ.get("FMSDK_DEBUG"):
        return False
    traceback.print_exception(error)
    return True
