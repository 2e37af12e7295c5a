"""The tokens of a checkpoint: which ones end a text, and whether the model has a row for each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from fmsdk.errors import BadRequestError, CheckpointError
from fmsdk_local.models.chat_template import limit_rendering
from fmsdk_local.models.processor import tokenizer_of

if TYPE_CHECKING:
    import torch

__all__ = ["Embedding", "find_end_tokens"]

# What gpt-oss and Llama 3 write after a message with a tool call, and gpt-oss after an answer.
_CALL_ENDS = ("<|call|>", "<|eom_id|>", "<|return|>")
_MARK = "fmsdkmark"  # a text that no template changes, and no tokenizer has as one token
_SECONDS_OF_TWO_TURNS = 1.0  # a thousand times what real templates take


def find_end_tokens(
    processor: Any, generation_config: Any, template: str | None, *, not_ends: Collection[str]
) -> frozenset[int]:
    """The ids that end an answer: those that the generation settings and the tokenizer name, and
    the one that the chat template writes after an answer.

    Each of the three is incomplete in some checkpoints. Fine-tuning often leaves
    `generation_config.json` with the end of the base model, which a chat never reaches.
    `not_ends`: tokens that may follow a text within an answer, such as `</think>`.
    """
    tokenizer = tokenizer_of(processor)
    ids: set[int | None] = {tokenizer.eos_token_id}
    eos_ids: int | list[int] | None = generation_config.eos_token_id
    ids.update([eos_ids] if eos_ids is None or isinstance(eos_ids, int) else eos_ids)
    ids.update(tokenizer.get_vocab().get(token) for token in _CALL_ENDS)
    if template is not None:
        rest = _render_end(processor)
        added_tokens: dict[int, Any] = tokenizer.added_tokens_decoder
        ends = {token.content: id for id, token in added_tokens.items()}
        matches = [token for token in ends if rest.startswith(token) and token not in not_ends]
        ids.update(ends[token] for token in sorted(matches, key=len)[-1:])
    return frozenset(id for id in ids if id is not None)


def _render_end(processor: Any) -> str:
    """What the chat template writes after the text of the last answer."""
    for content in (_MARK, [{"type": "text", "text": _MARK}]):
        turns = [{"role": "user", "content": content}, {"role": "assistant", "content": content}]
        try:
            with limit_rendering(seconds=_SECONDS_OF_TWO_TURNS):
                text: object = processor.apply_chat_template(turns, tokenize=False)
        except CheckpointError:  # it would take as long for every request
            raise
        except Exception:  # noqa: S112 - templates raise anything at what they do not take
            continue
        if isinstance(text, str) and text.count(_MARK) == 2:
            return text.rpartition(_MARK)[2].lstrip()
    return ""


@dataclass(frozen=True, slots=True)
class Embedding:
    """A model's table of vectors for its tokens.

    A token without a row is an IndexError on a CPU. On CUDA it is a device-side assert, after
    which no model of the process can go on.

    rows: how many ids it has. placeholders: ids that stand for media, and need no row.
    """

    rows: int
    placeholders: frozenset[int] = frozenset()

    @classmethod
    def of_model(cls, model: Any) -> Embedding:
        """The embedding of a transformers model."""
        table = model.get_input_embeddings()
        rows = getattr(table, "num_embeddings", None) or table.weight.shape[0]
        fields: dict[str, Any] = model.config.to_dict()
        placeholders = (
            value
            for key, value in fields.items()
            if key.startswith(("image_token", "video_token", "audio_token"))
        )
        return cls(rows, frozenset(id for id in placeholders if isinstance(id, int)))

    def require_tokens(self, tokenizer: Any, template: str | None, name: str) -> None:
        """Require a row for each token that a prompt can have.

        Control tokens that no prompt has may lack one: Gemma 3's text models have the placeholder
        of pictures in their tokenizer.

        Raises:
            CheckpointError: the table is too small.
        """
        vocabulary: dict[str, int] = tokenizer.get_vocab()
        control_ids = {id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
        roles = {
            tokenizer.bos_token,
            tokenizer.eos_token,
            tokenizer.pad_token,
            tokenizer.unk_token,
        }
        missing = [
            token
            for token, id in vocabulary.items()
            if id >= self.rows
            and id not in self.placeholders
            and (id not in control_ids or token in roles or token in (template or ""))
        ]
        if missing:
            token = min(missing, key=lambda token: vocabulary[token])
            raise CheckpointError(
                f"{name}'s tokenizer has {len(missing)} tokens that the model's embedding of "
                f"{self.rows} rows lacks, for instance {token!r} (id {vocabulary[token]}): tokens "
                "were added to the tokenizer, and the model was not resized. Save it again after "
                "model.resize_token_embeddings(len(tokenizer)), or with its original tokenizer"
            )

    def require_ids(self, ids: torch.Tensor, name: str) -> None:
        """Require a row for each of a prompt's `ids`.

        Raises:
            BadRequestError: one has none.
        """
        unknown_ids: list[int] = cast("Any", ids[ids >= self.rows]).tolist()
        missing = set(unknown_ids) - self.placeholders
        if missing:
            raise BadRequestError(
                f"the prompt has the token {min(missing)}, and the embedding of {name} ends at "
                f"{self.rows - 1}: leave out the control token that it stands for"
            )
