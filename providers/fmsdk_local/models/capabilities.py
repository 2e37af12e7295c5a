"""What a model takes, told from its small files alone: nothing is loaded, nothing imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from fmsdk.provider import Capabilities
from fmsdk_local.models.chat_template import names_in, read_template
from fmsdk_local.models.checkpoint import input_modalities, kind_of, read_config

__all__ = ["SPEECH", "capabilities_of"]

_SETTINGS = frozenset({"max_output_tokens", "temperature", "top_p", "stop", "seed", "logprobs"})
_THINKING = frozenset({"enable_thinking", "thinking", "reasoning_effort"})
_CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length")
# The configuration of the part that speaks, inside that of a model of several parts.
_TEXT_CONFIGS = ("thinker_config", "text_config", "llm_config", "language_config")

SPEECH = Capabilities(
    input=frozenset({"audio"}),
    settings=frozenset(),
    tools=False,
    structured=False,
    system=False,
)
_GGUF = Capabilities(settings=_SETTINGS | {"reasoning"}, structured=False, known=False)


def capabilities_of(path: Path) -> Capabilities:
    """What the checkpoint at `path` takes. A GGUF file tells little before it is converted:
    then what its template cannot do is found when a request is encoded.

    Raises:
        CheckpointError: no configuration, or a broken one.
    """
    kind = kind_of(path)
    if kind == "gguf":
        return _GGUF
    if kind in ("whisper", "whisper-ct2"):
        return SPEECH
    config = read_config(path)
    template = read_template(path)
    names = names_in(template)
    return Capabilities(
        input=input_modalities(path),
        settings=_SETTINGS | {"reasoning"} if names & _THINKING else _SETTINGS,
        tools="tools" in names,
        structured=False,
        system=template is not None,
        context=_context(config),
    )


def _context(config: dict[str, Any]) -> int | None:
    for name in _TEXT_CONFIGS:
        part: object = config.get(name)
        if isinstance(part, dict):
            config = cast("dict[str, Any]", part)
    found = (config.get(key) for key in _CONTEXT_KEYS)
    return next((value for value in found if isinstance(value, int)), None)
