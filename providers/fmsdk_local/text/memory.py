"""The memory that a request takes beside the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["TokenMemory"]

_ROOM_TOKENS = 2048


@dataclass(frozen=True, slots=True)
class TokenMemory:
    """Bytes that one token takes, in one dtype.

    cached: keys and values in all layers, until the request ends; 0: not known, as where they are
    compressed by a formula of the model's own. active: while the prompt goes through a layer.
    """

    cached: int = 0
    active: int = 0

    @classmethod
    def of_config(cls, text_config: Any, dtype: torch.dtype) -> TokenMemory:
        """By the configuration of a language model.

        Keys and values: the sum over the layers of 2 x heads x head size. Activations, of one
        layer at a time: the residual stream, the normed input, queries, keys, values and output
        of the attention (8 x hidden size), and gate, up and product of the MLP (3 x its size).
        """
        layers = getattr(text_config, "num_hidden_layers", 0)
        cached = active = 0
        # The layers of some models differ (Gemma 4): each has a configuration of its own.
        for layer in getattr(text_config, "per_layer_config", None) or [text_config] * layers:
            query_heads = getattr(layer, "num_attention_heads", None)
            heads = getattr(layer, "num_key_value_heads", None) or query_heads
            hidden_size = getattr(layer, "hidden_size", None)
            if not (query_heads and heads and hidden_size):
                return cls()
            head_size = getattr(layer, "head_dim", None) or hidden_size // query_heads
            cached += 2 * heads * head_size
            inner_size = getattr(layer, "intermediate_size", None) or 4 * hidden_size
            active = max(active, 8 * hidden_size + 3 * inner_size)
        is_compressed = bool(getattr(text_config, "kv_lora_rank", None))
        return cls(0 if is_compressed else cached * dtype.itemsize, active * dtype.itemsize)

    def request_bytes(self, prompt_tokens: int, tokens: int) -> int:
        """What a request of `prompt_tokens` takes, with `tokens` of prompt and output in all."""
        return tokens * self.cached + prompt_tokens * self.active

    def room_bytes(self, context: int | None) -> int:
        """What the weights must leave free: a request of 2,048 tokens, or of the whole context."""
        tokens = min(context or _ROOM_TOKENS, _ROOM_TOKENS)
        return self.request_bytes(tokens, tokens)
