"""What Anthropic's model families take, by the name of a model.

Only where families differ in the shape of a request, so that the wrong shape would be refused or
do nothing. Names of other makers' models, on compatible servers, count as of an unknown family.
Sources: https://platform.claude.com/docs/en/build-with-claude/thinking, …/effort,
…/mid-conversation-system-messages and the "What's new" pages of the models, as of 2026-11.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from fmsdk.catalog import facts

__all__ = ["ModelFamily", "family_of", "output_limit"]

_NAME = re.compile(
    r"claude-(?:(?P<before>[a-z]+)(?:-|$))?"
    r"(?:(?P<major>\d{1,2})(?!\d)(?:[-.](?P<minor>\d{1,2})(?!\d))?)?(?:-(?P<after>[a-z]+))?"
)
_ALWAYS_THINKING = frozenset({"fable", "mythos"})
_FIRST_THINKING = (3, 7)
_FIRST_ADAPTIVE = (4, 6)
_FIRST_WITHOUT_SAMPLING = (4, 7)
_FIRST_WITH_SYSTEM_TURNS = (4, 8)
_FIRST_OF_5_5 = (5, 5)
_FALLBACK_LIMIT = 4096
_FALLBACK_LIMIT_SINCE_3_7 = 32_000

Thinking = Literal["none", "budget", "adaptive"]


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """A model's family ("opus", "sonnet", …) and version, or "" and (0, 0) where unknown.

    is_certain: False on a server that may mean anything by the name. Then the name chooses between
    the forms of a setting, but no setting is refused for it.
    """

    name: str = ""
    version: tuple[int, int] = (0, 0)
    is_certain: bool = True

    @property
    def is_known(self) -> bool:
        """Whether this is one of Anthropic's families."""
        return self.version != (0, 0) or self.name in _ALWAYS_THINKING

    @property
    def thinking(self) -> Thinking:
        """How thinking is asked for: not at all, by a budget of tokens, or by effort. Unknown
        models get a budget, which compatible servers have known for longer."""
        if self.name in _ALWAYS_THINKING or self.version >= _FIRST_ADAPTIVE:
            return "adaptive"
        is_none = self.is_certain and self.is_known and self.version < _FIRST_THINKING
        return "none" if is_none else "budget"

    @property
    def thinking_off(self) -> str | None:
        """The type of thinking that says no; None: the model always thinks."""
        if not self.is_certain:
            return "disabled"
        if self.name in _ALWAYS_THINKING:
            return None
        if self.version >= _FIRST_OF_5_5:
            return {"opus": None, "sonnet": "between_tools"}.get(self.name, "disabled")
        return "disabled"

    @property
    def takes_sampling(self) -> bool:
        """Whether temperature, top_p and top_k are accepted (by API version 2023-06-01)."""
        return not self.is_certain or (
            self.name not in _ALWAYS_THINKING and self.version < _FIRST_WITHOUT_SAMPLING
        )

    @property
    def takes_system_turns(self) -> bool:
        """Whether system messages may come later than first."""
        if not (self.is_certain and self.is_known) or self.name in _ALWAYS_THINKING:
            return True
        return self.version >= _FIRST_WITH_SYSTEM_TURNS and self != ModelFamily("sonnet", (5, 0))


@lru_cache(maxsize=1024)
def family_of(model: str) -> ModelFamily:
    """The family of a model, by its name at Anthropic, Amazon, Google, or a router."""
    match = _NAME.search(model)
    if match is None:
        return ModelFamily()
    name = match["before"] or match["after"] or ""
    return ModelFamily(name, (int(match["major"] or 0), int(match["minor"] or 0)))


@lru_cache(maxsize=1024)
def output_limit(model: str) -> int:
    """The most tokens that a model answers with, or a number that every model of its time takes:
    4,096, and 32,000 since Claude 3.7."""
    model_facts = facts("anthropic", model)
    if model_facts is not None and model_facts.max_output is not None:
        return model_facts.max_output
    family = family_of(model)
    is_later = family.is_known and family.thinking != "none"
    return _FALLBACK_LIMIT_SINCE_3_7 if is_later else _FALLBACK_LIMIT
