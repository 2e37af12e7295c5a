"""From a `Request` to a model's input tensors: opens the media, renders the chat template,
tokenises. Runs off the inference thread, and touches no model.

What a caller wrote never becomes a control token: text that looks like one is tokenised as
text (transformers' `sanitize_control_tokens`).
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import TemplateError

from fmsdk.content import Audio, Image, Text
from fmsdk.errors import BadRequestError, FmsdkError, UnsupportedSetting
from fmsdk.provider import UnsupportedSettings
from fmsdk.request import Request
from fmsdk.response import Warning
from fmsdk.usage import InputUsage
from fmsdk_local.decode import Dialect, ToolSchemas
from fmsdk_local.encode.chat import Chat, ChatEncoder
from fmsdk_local.errors import typed_panics
from fmsdk_local.models.chat_template import limit_rendering, template_names
from fmsdk_local.models.processor import tokenizer_of
from fmsdk_local.vision.image import decode_image

__all__ = ["Prompt", "PromptEncoder"]

_REASONING_TAGS = ("<think>", "[THINK]")
_TEMPLATE_FAILURES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    SyntaxError,  # of the Python that jinja makes of it: too many blocks within each other
    TypeError,
    ValueError,
)
_TAIL_TOKENS = 16  # at the end of a prompt, which could open the reasoning


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A request as the model takes it.

    inputs: on the CPU; `input_ids` is [1, `tokens`]. image_tokens, audio_tokens: None where the
    model takes none. tools: the schemas of the tools that the model is shown, by name.
    opens_reasoning: the template ends by opening the model's reasoning.
    """

    inputs: Mapping[str, Any]
    tokens: int
    image_tokens: int | None
    audio_tokens: int | None
    tools: ToolSchemas
    opens_reasoning: bool
    warnings: tuple[Warning, ...]

    @property
    def usage(self) -> InputUsage:
        """The tokens by modality."""
        media_tokens = (self.image_tokens or 0) + (self.audio_tokens or 0)
        return InputUsage(
            total=self.tokens,
            text=self.tokens - media_tokens,
            image=self.image_tokens,
            audio=self.audio_tokens,
        )


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
        self._template_names = template_names(template)
        self._dialect = Dialect.of_template(template, self._tokenizer.get_vocab())
        self._template = self._with_bos(template) if self._multimodal else template
        self._lock = threading.Lock()
        self._stop_event: threading.Event | None = None

    def encode(self, request: Request, stop_event: threading.Event | None = None) -> Prompt:
        """Encode a request. Blocks, and takes long where there are many pictures. The chat template
        is stopped once `stop_event` is set.

        Raises:
            InvalidMedia: a picture or recording that cannot be decoded.
            UnsupportedContent, UnsupportedSetting: what the template cannot show the model.
            BadRequestError: a conversation that the template refuses.
            CheckpointError: a template that takes more than any real one, or a tokenizer that
                panics.
        """
        unsupported_settings = UnsupportedSettings(request)
        chat = ChatEncoder(
            request,
            unsupported_settings,
            template_names=self._template_names,
            reads_calls=self._dialect.has_calls,
            multimodal=self._multimodal,
        ).encode_chat()
        with self._lock, typed_panics(request.name):
            self._stop_event = stop_event
            if self._template is None:
                inputs = self._encode_raw_text(request, chat, unsupported_settings)
            else:
                chat = self._decode_media(chat, unsupported_settings.warnings)
                try:
                    chat = self._require_system_and_tools(request, chat, unsupported_settings)
                    inputs = dict(self._render(chat, tokenize=True))
                except FmsdkError:
                    raise
                except (TemplateError, *_TEMPLATE_FAILURES) as error:
                    raise BadRequestError(
                        f"the chat template of {request.name} cannot take this conversation: "
                        f"{error}"
                    ) from error
            ids = inputs["input_ids"][0].tolist()
            tail: str = self._tokenizer.decode(ids[-_TAIL_TOKENS:])
        return Prompt(
            inputs=inputs,
            tokens=len(ids),
            image_tokens=self._count_placeholders(ids, "image"),
            audio_tokens=self._count_placeholders(ids, "audio"),
            tools={tool["function"]["name"]: tool["function"]["parameters"] for tool in chat.tools},
            opens_reasoning=tail.rstrip().endswith(_REASONING_TAGS),
            warnings=tuple(unsupported_settings.warnings),
        )

    def _require_system_and_tools(
        self, request: Request, chat: Chat, unsupported_settings: UnsupportedSettings
    ) -> Chat:
        """Check that the template shows the model the system prompt and the tools. Some templates
        refuse a system prompt, and some omit it silently."""
        systems = [message for message in chat.messages if message["role"] == "system"]
        if not systems and not chat.tools:
            return chat
        without = replace(chat, messages=[m for m in chat.messages if m["role"] != "system"])
        try:
            text: str = self._render(chat, tokenize=False)
        except TemplateError as error:
            if not systems or not self._can_render(without):
                raise
            unsupported_settings.drop("system", f"its chat template refuses one ({error})")
            return without
        if any(_text_of(system).strip() not in text for system in systems):
            unsupported_settings.drop("system", "its chat template leaves it out")
            return without
        names = (tool["function"]["name"] for tool in chat.tools)
        missing = [name for name in names if name not in text]
        if missing:
            raise UnsupportedSetting(
                f"the chat template of {request.name} leaves out the tools {', '.join(missing)}",
                setting="tools",
            )
        return chat

    def _can_render(self, chat: Chat) -> bool:
        try:
            self._render(chat, tokenize=False)
        except TemplateError:
            return False
        return True

    def _render(self, chat: Chat, *, tokenize: bool) -> Any:
        apply: Any = self._processor.apply_chat_template
        arguments: dict[str, Any] = {}
        if tokenize:
            arguments = {"return_dict": True, "return_tensors": "pt"}
            # Tokenizers of mistral-common lack it: they never read control tokens out of text.
            if "sanitize_control_tokens" in inspect.signature(apply).parameters:
                arguments["sanitize_control_tokens"] = True
        if self._multimodal:
            arguments["chat_template"] = self._template
        with limit_rendering(self._stop_event):
            return apply(
                chat.messages,
                tools=chat.tools or None,
                add_generation_prompt=True,
                tokenize=tokenize,
                **arguments,
                **chat.variables,
            )

    def _encode_raw_text(
        self, request: Request, chat: Chat, unsupported_settings: UnsupportedSettings
    ) -> dict[str, Any]:
        message = request.messages[0]
        is_plain = all(isinstance(part, Text) for part in message.parts)
        if len(chat.messages) != 1 or message.role != "user" or not is_plain:
            raise BadRequestError(
                f"{request.name} has no chat template: it is a base model, which continues one "
                "text. Pass a single text as the prompt, or use an instruction-tuned checkpoint"
            )
        unsupported_settings.warnings.append(
            Warning("raw_completion", f"{request.name} is a base model: it continued the text")
        )
        return dict(self._tokenizer(message.text, return_tensors="pt", split_special_tokens=True))

    def _with_bos(self, template: str | None) -> str | None:
        """The template, changed to write the BOS token itself where the tokenizer would add it:
        transformers sanitises a text only if the template writes all of it (LLaVA's does not)."""
        bos: str | None = self._tokenizer.bos_token
        if template is None or bos is None:
            return template
        if "bos_token" in self._template_names or bos in template:
            return template
        tokenizer_adds_bos = self._tokenizer("")["input_ids"] == [self._tokenizer.bos_token_id]
        return "{{ bos_token }}" + template if tokenizer_adds_bos else template

    def _decode_media(self, chat: Chat, warnings: list[Warning]) -> Chat:
        """The chat with pixels and samples in place of its media parts."""
        messages: list[dict[str, Any]] = []
        for message in chat.messages:
            content: Any = message["content"]
            if not isinstance(content, str):
                content = [dict(block) for block in content]
                for block in content:
                    part = block.get(block["type"])
                    if isinstance(part, Image):
                        block["image"] = decode_image(part, warnings)
                    elif isinstance(part, Audio):
                        from fmsdk_local.speech.audio import decode_audio  # imports FFmpeg

                        rate = self._processor.feature_extractor.sampling_rate
                        block["audio"] = decode_audio(part, rate)
            messages.append({**message, "content": content})
        return replace(chat, messages=messages)

    def _count_placeholders(self, ids: list[int], kind: str) -> int | None:
        """How many of `ids` stand for a picture or a sound; None where the model takes none."""
        declared_ids: list[int | None] = getattr(self._processor, f"{kind}_token_ids", [])
        placeholders = [token for token in declared_ids if token is not None]
        return sum(map(ids.count, placeholders)) if placeholders else None


def _text_of(message: dict[str, Any]) -> str:
    content: Any = message["content"]
    return content if isinstance(content, str) else "".join(block["text"] for block in content)
