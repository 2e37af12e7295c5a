"""A model's capabilities, by its small files alone: loads no weights, imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from fmsdk.provider import Capabilities
from fmsdk_local.decode import Dialect
from fmsdk_local.models.chat_template import read_chat_template, template_names
from fmsdk_local.models.checkpoint import input_modalities, kind_of, read_config

__all__ = ["SPEECH_CAPABILITIES", "capabilities_of"]

_SETTINGS = frozenset({"max_output_tokens", "temperature", "top_p", "stop", "seed", "logprobs"})
_REASONING_VARIABLES = frozenset({"enable_thinking", "thinking", "reasoning_effort"})
_CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length")
# The configuration of the language model, inside that of a model of several parts.
_TEXT_CONFIGS = ("thinker_config", "text_config", "llm_config", "language_config")

SPEECH_CAPABILITIES = Capabilities(
    input=frozenset({"audio"}),
    settings=frozenset(),
    tools=False,
    structured=False,
    system=False,
)
_GGUF_CAPABILITIES = Capabilities(settings=_SETTINGS | {"reasoning"}, structured=False, known=False)


def capabilities_of(path: Path) -> Capabilities:
    """The capabilities of the checkpoint at `path`.

    Those of a GGUF file are unknown until it is converted: what its template cannot do is then
    an error when a request is encoded.

    Raises:
        CheckpointError: its configuration is missing or broken.
    """
    kind = kind_of(path)
    if kind == "gguf":
        return _GGUF_CAPABILITIES
    if kind in ("whisper", "whisper-ct2"):
        return SPEECH_CAPABILITIES
    config = read_config(path)
    text_config = config
    for name in _TEXT_CONFIGS:
        part: object = text_config.get(name)
        if isinstance(part, dict):
            text_config = cast("dict[str, Any]", part)
    context_sizes = (text_config.get(key) for key in _CONTEXT_KEYS)
    template = read_chat_template(path)
    names = template_names(template)
    return Capabilities(
        input=input_modalities(path),
        settings=_SETTINGS | {"reasoning"} if names & _REASONING_VARIABLES else _SETTINGS,
        tools="tools" in names and Dialect.of_template(template).has_calls,
        structured=False,
        system=template is not None,
        context=next((size for size in context_sizes if isinstance(size, int)), None),
    )
