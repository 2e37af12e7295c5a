"""A checkpoint's chat template, and what its code says it can do. Renders nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

from fmsdk.errors import CheckpointError

__all__ = ["names_in", "read_template"]

# Where transformers looks, newest layout first.
_FILES = ("chat_template.json", "processor_config.json", "tokenizer_config.json")


def read_template(path: Path) -> str | None:
    """The (default) chat template of the checkpoint directory at `path`; None for a base model.

    Raises:
        CheckpointError: a file that cannot be read.
    """
    plain = path / "chat_template.jinja"
    if plain.is_file():
        return plain.read_text("utf-8")
    for file in (path / name for name in _FILES):
        if file.is_file():
            try:
                found: Any = json.loads(file.read_text("utf-8"))
            except ValueError as error:
                raise CheckpointError(f"{file} cannot be read: fetch it again") from error
            template = _default(found.get("chat_template"))
            if template is not None:
                return template
    return None


def names_in(template: str | None) -> frozenset[str]:
    """The names a chat template uses in its code ("tools", "enable_thinking", …): what it never
    names, it cannot show the model."""
    code = " ".join(re.findall(r"\{[%{](.*?)[%}]\}", template or "", re.DOTALL))
    without_strings = re.sub(r"'[^']*'|\"[^\"]*\"", " ", code)
    return frozenset(re.findall(r"[A-Za-z_]\w*", without_strings))


def _default(found: object) -> str | None:
    if isinstance(found, str):
        return found
    if isinstance(found, list):  # several named templates
        named = cast("list[dict[str, str]]", found)
        return next((each["template"] for each in named if each.get("name") == "default"), None)
    return None
