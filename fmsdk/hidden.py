"""Values that do not print: a traceback that shows the variables of its frames, a log or a debugger
writes their `repr`."""

from __future__ import annotations

from typing import Any

__all__ = ["HiddenDict", "HiddenText"]


class HiddenDict(dict[str, Any]):
    """Headers or options, of which only the number is shown."""

    def __repr__(self) -> str:
        return f"<{len(self)} hidden values>"


class HiddenText(str):
    """A key or token. `str` of it, and what is put together from it, is the text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"
