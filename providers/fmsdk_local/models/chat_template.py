"""A checkpoint's chat template, and the names in its code. Renders nothing itself."""

from __future__ import annotations

import json
import re
import sys
import threading
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import thread_time
from types import FrameType
from typing import Any, cast

from fmsdk.errors import CheckpointError
from fmsdk.files import read_small

__all__ = ["limit_rendering", "read_chat_template", "template_names"]

# The files that transformers reads it from, newest layout first.
_FILES = (
    "chat_template.jinja",
    "chat_template.json",
    "processor_config.json",
    "tokenizer_config.json",
)
_LONGEST_TEMPLATE = 1 << 18
"""Bytes: ten times what real ones have. jinja takes 2 seconds to compile them."""
_MOST_LINES = 1_000_000
"""Of Python that the template became: a second. A conversation of 10,000 turns takes a third."""
_MOST_SECONDS = 5
"""Of computing: each step can have work of its own."""


def read_chat_template(path: Path) -> str | None:
    """The (default) chat template of the checkpoint directory at `path`; None for a base model.

    Raises:
        CheckpointError: a file is no JSON, or no regular file.
    """
    for file in (path / name for name in _FILES):
        if not file.exists():
            continue
        try:
            if file.suffix == ".jinja":
                return read_small(file, _LONGEST_TEMPLATE).decode("utf-8")
            content: Any = json.loads(read_small(file))
            template: object = content.get("chat_template")
            if isinstance(template, list):  # several templates, each with a name
                templates = cast("list[dict[str, str]]", template)
                default = (row["template"] for row in templates if row.get("name") == "default")
                template = next(default, None)
        except (OSError, ValueError, RecursionError, AttributeError, KeyError) as error:
            raise CheckpointError(f"{file} cannot be read: fetch it again") from error
        if isinstance(template, str):
            if len(template) > _LONGEST_TEMPLATE:
                raise CheckpointError(
                    f"{file} has a chat template of {len(template):,} characters, which no real "
                    "one has: repair it, or use another checkpoint"
                )
            return template
    return None


@contextmanager
def limit_rendering(
    stop_event: threading.Event | None = None, seconds: float = _MOST_SECONDS
) -> Generator[None]:
    """Let a chat template take only so many steps, bytes and `seconds` of computing: it comes from
    anywhere, can loop within loops, and no other thread can stop it. `stop_event`: set once nobody
    waits for it.

    Raises:
        CheckpointError: it takes more.
    """
    from fmsdk_local.models.template_sandbox import bound_rendering  # imports transformers

    lines = 0
    end = thread_time() + seconds

    def count_line(frame: FrameType, event: str, argument: Any) -> Any:
        del frame, event, argument
        nonlocal lines
        lines += 1
        if lines > _MOST_LINES:
            raise CheckpointError(
                f"the chat template takes more than {_MOST_LINES:,} steps, which no real one does; "
                "use another checkpoint, or repair its chat_template"
            )
        if stop_event is not None and stop_event.is_set():
            raise CheckpointError("the chat template was stopped: nobody waits for it any more")
        if thread_time() > end:
            raise CheckpointError(
                f"the chat template takes more than {seconds:g} s, which no real one does; use "
                "another checkpoint, or repair its chat_template"
            )
        return count_line

    def enter_frame(frame: FrameType, event: str, argument: Any) -> Any:
        del event, argument
        return count_line if frame.f_code.co_filename == "<template>" else None

    tracer = sys.gettrace()
    sys.settrace(enter_frame)
    try:
        with bound_rendering():
            yield
    except CheckpointError as error:  # whoever keeps it keeps none of the template's values
        traceback.clear_frames(error.__traceback__)
        for frame, _ in traceback.walk_tb(error.__traceback__):
            variables: Any = frame.f_locals  # jinja's own copy, in frames that it inserts
            if frame.f_code.co_filename == "<template>" and isinstance(variables, dict):
                variables.clear()
        raise
    finally:
        sys.settrace(tracer)


def template_names(template: str | None) -> frozenset[str]:
    """The names in the code of a chat template ("tools", "enable_thinking", …). It cannot show
    the model what it does not name."""
    codes = list[str]()
    # Piece by piece: one pattern for begin and end takes a second for 20 kB of begins.
    for piece in re.split(r"\{[%{]", template or "")[1:]:
        end = re.search(r"[%}]\}", piece)
        codes.append(piece[: end.start() if end else None])
    code = " ".join(codes)
    without_strings = re.sub(r"'[^']*'|\"[^\"]*\"", " ", code)
    return frozenset(re.findall(r"[A-Za-z_]\w*", without_strings))
