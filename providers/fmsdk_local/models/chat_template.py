"""A checkpoint's chat template, and the names in its code. Renders nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

from fmsdk.errors import CheckpointError
from fmsdk.files import read_small

__all__ = ["read_chat_template", "template_names"]

# The files that transformers reads it from, newest layout first.
_FILES = ("chat_template.json", "processor_config.json", "tokenizer_config.json")
_LONGEST_TEMPLATE = 1 << 20
"""Bytes: a hundred times what real ones have."""


def read_chat_template(path: Path) -> str | None:
    """The (default) chat template of the checkpoint directory at `path`; None for a base model.

    Raises:
        CheckpointError: a file is no JSON.
    """
    jinja_file = path / "chat_template.jinja"
    if jinja_file.is_file():
        return read_small(jinja_file, _LONGEST_TEMPLATE).decode("utf-8")
    for file in (path / name for name in _FILES):
        if file.is_file():
            try:
                content: Any = json.loads(read_small(file))
            except (OSError, ValueError, RecursionError) as error:
                raise CheckpointError(f"{file} cannot be read: fetch it again") from error
            template: object = content.get("chat_template")
            if isinstance(template, list):  # several templates, each with a name
                templates = cast("list[dict[str, str]]", template)
                default = (row["template"] for row in templates if row.get("name") == "default")
                template = next(default, None)
            if isinstance(template, str):
                return template
    return None


def template_names(template: str | None) -> frozenset[str]:
    """The names in the code of a chat template ("tools", "enable_thinking", …). It cannot show
    the model what it does not name."""
    code = " ".join(re.findall(r"\{[%{](.*?)[%}]\}", template or "", re.DOTALL))
    without_strings = re.sub(r"'[^']*'|\"[^\"]*\"", " ", code)
    return frozenset(re.findall(r"[A-Za-z_]\w*", without_strings))
