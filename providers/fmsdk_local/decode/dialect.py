"""How a checkpoint writes reasoning and tool calls, by its chat template and its tokens."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from fmsdk_local.decode.calls import CALL_TAGS, INNER_TAGS
from fmsdk_local.decode.events import ToolSchemas
from fmsdk_local.decode.harmony import HARMONY_TAGS, HarmonyDecoder
from fmsdk_local.decode.text import REASONING_TAGS, TextDecoder

__all__ = ["Dialect"]

_TAGS = (
    *REASONING_TAGS,
    *REASONING_TAGS.values(),
    *CALL_TAGS,
    *(end_tag for end_tag, _ in CALL_TAGS.values() if end_tag),
    *INNER_TAGS,
)
# Shapes of calls without tags: JSON with a name, Python in a list, a code fence.
_SHAPES = re.compile(r"""["']name\\?["']\s*:|\[\w+\(\w+=|```(?:json|tool_c|python)|<\|tool\|>""")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The form of a checkpoint's answers.

    harmony: in the channels of gpt-oss. has_calls: the template shows tool calls in a form that is
    read; where it does not, the model must not be given tools, since its calls would be text.
    """

    harmony: bool = False
    has_calls: bool = False

    @classmethod
    def of_template(cls, template: str | None, vocabulary: Collection[str] = ()) -> Dialect:
        """The dialect that a chat template, or the tokens of the vocabulary, show."""
        text = template or ""
        harmony = all(tag in text or tag in vocabulary for tag in ("<|channel|>", "<|message|>"))
        has_tags = any(tag in text for tag in CALL_TAGS)
        return cls(harmony, harmony or has_tags or _SHAPES.search(text) is not None)

    @property
    def visible_tags(self) -> tuple[str, ...]:
        """Tags that the decoder needs to see, although some tokenizers have them as control
        tokens. None of them ends an answer."""
        return (*_TAGS, *HARMONY_TAGS) if self.harmony else _TAGS

    def decoder(
        self, tools: Collection[str] | ToolSchemas, *, in_reasoning: bool
    ) -> TextDecoder | HarmonyDecoder:
        """A decoder for one answer."""
        if self.harmony:
            return HarmonyDecoder(tools)
        return TextDecoder(tools, in_reasoning=in_reasoning)
