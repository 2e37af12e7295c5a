"""From a `Request` to a model's input tensors: opens the media, renders the chat template,
tokenises. Runs off the inference thread, and touches no model.

What a caller wrote never becomes a control token: text that looks like one is tokenised as
text (transformers' `sanitize_control_tokens`).
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import TemplateError

from fmsdk.content import Audio, Image, Text
from fmsdk.errors import BadRequestError, UnsupportedSetting
from fmsdk.provider import UnsupportedSettings
from fmsdk.request import Request
from fmsdk.response import Warning
from fmsdk_local.encode.chat import Chat, encode
from fmsdk_local.models.chat_template import names_in
from fmsdk_local.models.processor import tokenizer_of
from fmsdk_local.vision.image import open_image

__all__ = ["Prompt", "PromptEncoder"]

_OPENS_REASONING = ("<think>", "[THINK]")
_TAIL = 16  # tokens at the end of a prompt that could open the reasoning


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A request ready for the model. `inputs` are on the CPU, `input_ids` is [1, `tokens`];
    `tools` are the names of those the model is shown; `reasoning` tells that the template has
    opened the model's reasoning already."""

    inputs: Mapping[str, Any]
    tokens: int
    image_tokens: int | None
    audio_tokens: int | None
    tools: tuple[str, ...]
    reasoning: bool
    warnings: tuple[Warning, ...]


class PromptEncoder:
    """Encodes requests for one model, one at a time: tokenizers are not thread-safe
    (huggingface/transformers#47085).

    Args:
        processor: a transformers processor or tokenizer, used by nobody else.
        template: its chat template; None for a base model.
    """

    def __init__(self, processor: Any, template: str | None) -> None:
        self._processor = processor
        self._tokenizer = tokenizer_of(processor)
        self._multimodal = processor is not self._tokenizer
        self._names = names_in(template)
        self._template = self._with_bos(template) if self._multimodal else template
        self._lock = threading.Lock()

    def encode(self, request: Request) -> Prompt:
        """Encode a request; blocks, and takes long where there are many pictures.

        Raises:
            InvalidMedia: a picture or recording that is none.
            UnsupportedContent, UnsupportedSetting: what the template cannot show the model.
            BadRequestError: a conversation that the template refuses.
        """
        unsupported_settings = UnsupportedSettings(request)
        chat = encode(request, unsupported_settings, names=self._names, multimodal=self._multimodal)
        with self._lock:
            if self._template is None:
                inputs = self._continue(request, chat, unsupported_settings)
            else:
                inputs = self._apply(request, _opened(chat, self._processor), unsupported_settings)
            ids = inputs["input_ids"][0].tolist()
            tail: str = self._tokenizer.decode(ids[-_TAIL:])
        return Prompt(
            inputs=inputs,
            tokens=len(ids),
            image_tokens=self._count(ids, "image"),
            audio_tokens=self._count(ids, "audio"),
            tools=tuple(tool["function"]["name"] for tool in chat.tools),
            reasoning=tail.rstrip().endswith(_OPENS_REASONING),
            warnings=tuple(unsupported_settings.warnings),
        )

    def _apply(
        self, request: Request, chat: Chat, unsupported_settings: UnsupportedSettings
    ) -> dict[str, Any]:
        try:
            chat = self._without_losses(request, chat, unsupported_settings)
            return dict(self._render(chat, tokenize=True))
        except (TemplateError, TypeError, ValueError) as error:
            raise BadRequestError(
                f"the chat template of {request.name} cannot take this conversation: {error}"
            ) from error

    def _without_losses(
        self, request: Request, chat: Chat, unsupported_settings: UnsupportedSettings
    ) -> Chat:
        """See that the template shows the model the system prompt and the tools. Some refuse a
        system prompt, and some leave it out without a word."""
        systems = [message for message in chat.messages if message["role"] == "system"]
        if not systems and not chat.tools:
            return chat
        without = replace(chat, messages=[m for m in chat.messages if m["role"] != "system"])
        try:
            rendered: str = self._render(chat, tokenize=False)
        except TemplateError as error:
            if not systems or not self._renders(without):
                raise
            unsupported_settings.drop("system", f"its chat template refuses one ({error})")
            return without
        if any(text.strip() not in rendered for text in map(_text_of, systems)):
            unsupported_settings.drop("system", "its chat template leaves it out")
            return without
        names = (tool["function"]["name"] for tool in chat.tools)
        lost = [name for name in names if name not in rendered]
        if lost:
            raise UnsupportedSetting(
                f"the chat template of {request.name} leaves out the tools {', '.join(lost)}",
                setting="tools",
            )
        return chat

    def _renders(self, chat: Chat) -> bool:
        try:
            self._render(chat, tokenize=False)
        except TemplateError:
            return False
        return True

    def _render(self, chat: Chat, *, tokenize: bool) -> Any:
        apply: Any = self._processor.apply_chat_template
        # Tokenizers of mistral-common lack it: they never read control tokens out of text.
        can_sanitize = "sanitize_control_tokens" in inspect.signature(apply).parameters
        how: dict[str, Any] = {"return_dict": True, "return_tensors": "pt"} if tokenize else {}
        if tokenize and can_sanitize:
            how["sanitize_control_tokens"] = True
        if self._multimodal:
            how["chat_template"] = self._template
        return apply(
            chat.messages,
            tools=chat.tools or None,
            add_generation_prompt=True,
            tokenize=tokenize,
            **how,
            **chat.variables,
        )

    def _continue(
        self, request: Request, chat: Chat, unsupported_settings: UnsupportedSettings
    ) -> dict[str, Any]:
        message = request.messages[0]
        is_plain = all(isinstance(part, Text) for part in message.parts)
        if len(chat.messages) != 1 or message.role != "user" or not is_plain:
            raise BadRequestError(
                f"{request.name} has no chat template: it is a base model, which continues one "
                "text. Give a single text as the prompt, or use an instruction-tuned checkpoint"
            )
        unsupported_settings.warnings.append(
            Warning("raw_completion", f"{request.name} is a base model: it continued the text")
        )
        return dict(self._tokenizer(message.text, return_tensors="pt", split_special_tokens=True))

    def _with_bos(self, template: str | None) -> str | None:
        """The template, writing the token that starts a text where the tokenizer would add it:
        transformers sanitises only what the template writes whole (LLaVA's does not)."""
        start: str | None = self._tokenizer.bos_token
        if template is None or start is None or "bos_token" in self._names or start in template:
            return template
        adds_it = self._tokenizer("")["input_ids"] == [self._tokenizer.bos_token_id]
        return "{{ bos_token }}" + template if adds_it else template

    def _count(self, ids: list[int], kind: str) -> int | None:
        """How many of `ids` stand for a picture or a sound; None where the model takes none."""
        known: list[int | None] = getattr(self._processor, f"{kind}_token_ids", [])
        stand_ins = [token for token in known if token is not None]
        return sum(map(ids.count, stand_ins)) if stand_ins else None


def _opened(chat: Chat, processor: Any) -> Chat:
    """The chat with its media parts opened."""
    messages: list[dict[str, Any]] = []
    for message in chat.messages:
        content: Any = message["content"]
        opened = content if isinstance(content, str) else list(_blocks(content, processor))
        messages.append({**message, "content": opened})
    return replace(chat, messages=messages)


def _blocks(blocks: Iterable[dict[str, Any]], processor: Any) -> Iterator[dict[str, Any]]:
    for block in blocks:
        part = block.get(block["type"])
        if isinstance(part, Image):
            yield {**block, "image": open_image(part)}
        elif isinstance(part, Audio):
            from fmsdk_local.speech.audio import decode

            rate = processor.feature_extractor.sampling_rate
            yield {**block, "audio": decode(part, rate)}
        else:
            yield block


def _text_of(message: dict[str, Any]) -> str:
    content: Any = message["content"]
    return content if isinstance(content, str) else "".join(block["text"] for block in content)
