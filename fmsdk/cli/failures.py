"""How a command fails: one line, an exit code, and no traceback.

With `FMSDK_DEBUG` set, the traceback is printed first.
"""

from __future__ import annotations

import atexit
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from fmsdk.cli import terminal
from fmsdk.cli.records import error_record
from fmsdk.errors import FmsdkError

__all__ = ["EXIT_FAILURE", "EXIT_INTERRUPT", "exit_at_once", "report_error", "run_guarded"]

EXIT_FAILURE = 2
_KEYWORD = re.compile(r"\b(allow_retired|lenient)=True\b")
_EXIT_DEFECT = 70  # EX_SOFTWARE of sysexits.h
EXIT_INTERRUPT = 130  # as in shells after SIGINT: 128 + 2
_EXIT_NO_READER = 141  # as in shells after SIGPIPE: 128 + 13


def run_guarded(work: Callable[[], int], *, as_json: bool) -> int:
    """The exit code of `work`, or that of its failure."""
    try:
        code = work()
        sys.stdout.flush()  # so that a write error is caught here
        return code
    except FmsdkError as error:
        report_error(error, as_json=as_json)
        return EXIT_FAILURE
    except KeyboardInterrupt:
        terminal.print_note("fmsdk: interrupted")
        return EXIT_INTERRUPT
    except BrokenPipeError:
        return _EXIT_NO_READER
    except (
        OSError
    ) as error:  # of the output, on a full disk for instance: providers raise FmsdkError
        _print_traceback(error)
        terminal.print_note(f"fmsdk: error: {error}")
        return EXIT_FAILURE
    except Exception as error:
        has_traceback = _print_traceback(error)
        hint = "" if has_traceback else "; set FMSDK_DEBUG=1 to see the traceback"
        if as_json:
            terminal.print_json(error_record(error))
        terminal.print_note(f"fmsdk: internal error: {type(error).__name__}: {error}{hint}")
        return _EXIT_DEFECT


def exit_at_once(code: int) -> NoReturn:
    """End the process without the interpreter's own way out: it takes a second once torch is
    imported, waits for threads that load a model, and aborts because of those that run one.

    After a success, what others have to finish (a thread that writes, an exporter of telemetry, a
    log) is finished first.
    """
    if code == 0:
        for thread in threading.enumerate():
            if not thread.daemon and thread is not threading.current_thread():
                thread.join()
        exit_functions: Any = atexit
        with suppress(Exception):  # printed by Python
            exit_functions._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # reported before
            stream.flush()
    os._exit(code)


def report_error(error: FmsdkError, *, as_json: bool) -> None:
    """Print an error: as a line on standard error, or as JSON object on standard output. The line
    names the flags of this command in place of Python's keywords."""
    _print_traceback(error)
    if as_json:
        terminal.print_json(error_record(error))
    else:
        message = _KEYWORD.sub(lambda match: f"--{match[1].replace('_', '-')}", error.message)
        terminal.print_note(f"fmsdk: error: {message}")


def _print_traceback(error: Exception) -> bool:
    if not os.environ.get("FMSDK_DEBUG"):
        return False
    traceback.print_exception(error)
    return True
