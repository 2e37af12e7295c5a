"""The size of a request before it is sent: text by the vendor's vocabulary, what the vendor adds to
it, and its media. Nothing is sent and nothing but media is read. Knows no prices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

import msgspec

from fmsdk.content import MediaPart, Modality, Part, Reasoning, Text, ToolCall, ToolResult
from fmsdk.embedding import EmbedRequest
from fmsdk.errors import QuoteUnavailable
from fmsdk.provider import Basis, Estimate, ImageLimits, Platform
from fmsdk.quoting import tool_text
from fmsdk.quoting.framing import NO_FRAMING, Framing, bound_of, framing_of
from fmsdk.quoting.media import MediaTokens, media_tokens
from fmsdk.quoting.vendor import claude_generation, gemini_generation, vendor_of
from fmsdk.quoting.vocabulary import TextCounter, text_counter
from fmsdk.request import Request
from fmsdk.transcription import TranscribeRequest
from fmsdk.usage import Range
from fmsdk.validation import encode_json

__all__ = ["estimate_answer", "estimate_request", "estimate_text", "most_tokens"]

_FIRST_WITH_JSON_TOOLS, _FIRST_WITH_OWN_TOOLS = 2.5, 3.0  # of Gemini, on AI Studio
_FIRST_ADAPTIVE = 4.6
"""Of Claude: it thinks by an effort."""
_FIRST_OPUS_TO_KEEP, _FIRST_TO_KEEP = 4.5, 4.6
"""Of Claude: thoughts of earlier turns stay, unless the model is a Haiku. So says
https://platform.claude.com/docs/en/build-with-claude/extended-thinking; no bill was seen."""
_TOOL_SPREAD = (0.88, 1.12)
"""How far a bill was seen from the text that we render for tools, calls and schemas."""
_FRAMING_SPREAD = (0.85, 1.15)
_TEMPLATE_PROMPT = 40
"""Tokens that the chat template of an open model may add: SmolLM2's, Qwen 2.5's and Llama 3's have
a system prompt of 20 to 30."""


def estimate_request(
    request: Request,
    platform: Platform | None = None,
    *,
    vendor: str | None = None,
    limits: ImageLimits | None = None,
) -> Estimate:
    """The size of a request: system, messages, tools, output schema, framing, media.

    Args:
        platform: the API that it goes to; None: the vendor's usual one.
        vendor: whose models the provider has; None: its name tells. A server with models of many
            vendors is known by the model's name; another gets a wide guess.
        limits: of pictures, to which the pipeline makes them smaller before they are sent.

    Raises:
        QuoteUnavailable: the size of a medium is unknown before it is sent, or the schema of a tool
            is too deep.
    """
    has_media = next(request.media(), None) is not None
    media = media_tokens(request, platform, limits) if has_media else ()
    try:
        count = _Count(request, request.provider if vendor is None else vendor, platform, media)
    except RecursionError as error:
        raise QuoteUnavailable(
            f"the tokens of the tools or their calls are unknown before they are sent: the JSON is "
            f"too deep ({error}); make it flatter",
            provider=request.provider,
            model=request.model,
        ) from error
    text, maximum = count.estimate()
    basis: Basis = "tokenizer" if count.counter.is_exact else "ratio"
    if not media:
        return Estimate(
            input=text,
            by_modality={"text": text},
            ceilings={"text": maximum},
            basis={"text": basis},
        )
    return _add_media(text, maximum, basis, media)


def estimate_text(request: Request) -> Estimate:
    """The size of a request whose platform is unknown. Raises as `estimate_request` does."""
    return estimate_request(request)


def most_tokens(request: Request) -> int:
    """A bound on the request's input tokens. A token has at least one byte of UTF-8, and no vendor
    was ever seen to add more hidden framing than is counted here.

    Raises:
        QuoteUnavailable: there is no bound on the tokens of a medium.
    """
    ceilings = estimate_request(request).ceilings
    return 0 if ceilings is None else sum(ceilings.values())


def estimate_answer(request: Request, parts: Iterable[Part]) -> int | None:
    """About how many tokens the parts of an answer are for the request's model; None for media."""
    vendor = vendor_of(request.provider, request.model)
    counter, total = text_counter(vendor, request.model.rpartition("/")[2]), 0.0
    for part in parts:
        if isinstance(part, (Text, Reasoning)):
            total += counter.count(part.text)
        elif isinstance(part, ToolCall):
            total += counter.count(part.name)
            total += counter.count(part.raw or tool_text.compact_json(part.arguments))
        else:
            return None
    return round(total)


def _add_media(
    text: Range[int], maximum: int, text_basis: Basis, media: Sequence[MediaTokens]
) -> Estimate:
    by_modality: dict[Modality, Range[int]] = {"text": text}
    ceilings: dict[Modality, int] = {"text": maximum}
    basis: dict[Modality, Basis] = {"text": text_basis}
    for medium in media:
        by_modality[medium.modality] = _sum(
            (by_modality.get(medium.modality, Range(0, 0, 0)), medium.tokens)
        )
        if medium.ceiling is not None:
            ceilings[medium.modality] = ceilings.get(medium.modality, 0) + medium.ceiling
        if basis.get(medium.modality) != "ratio":  # the weakest of several
            basis[medium.modality] = medium.basis
    return Estimate(
        input=_sum(by_modality.values()),
        by_modality=by_modality,
        ceilings=None if any(medium.ceiling is None for medium in media) else ceilings,
        basis=basis,
    )


def _sum(ranges: Iterable[Range[int]]) -> Range[int]:
    columns = zip(*((r.low, r.expected, r.high) for r in ranges), strict=True)
    low, expected, high = (sum(column) for column in columns)
    return Range(low, expected, high)


class _Count:
    """The tokens of one request's text.

    text_tokens: of what was written, as the vocabulary counts it. tool_tokens: of what the vendor
    renders (tools, calls, schemas). framing_tokens: what it adds. kept_tokens: of thoughts that it
    may keep. size: the UTF-8 bytes of everything that may become tokens.
    """

    def __init__(
        self,
        request: Request,
        vendor: str,
        platform: Platform | None,
        media: Iterable[MediaTokens],
    ) -> None:
        self.request = request
        self.server = vendor
        # A router's names have the vendor before the model's own.
        model = request.model.rpartition("/")[2]
        self.vendor = vendor = vendor_of(vendor, request.model)
        self.counter: TextCounter = text_counter(vendor, model)
        # What is embedded or transcribed is sent as it stands.
        is_prompt = not isinstance(request, EmbedRequest | TranscribeRequest)
        self.framing: Framing = framing_of(vendor if is_prompt else NO_FRAMING, model, platform)
        self.counts_strings = vendor == "google" and (
            platform == "vertex" or gemini_generation(request.model) < _FIRST_WITH_JSON_TOOLS
        )
        self.has_own_format = (
            vendor == "google"
            and not self.counts_strings
            and gemini_generation(request.model) >= _FIRST_WITH_OWN_TOOLS
        )
        generation = claude_generation(model) if vendor == "anthropic" else 0.0
        first_to_keep = _FIRST_OPUS_TO_KEEP if "opus" in model else _FIRST_TO_KEEP
        self.keeps_thoughts = generation >= first_to_keep and "haiku" not in model
        self.text_tokens = self.tool_tokens = self.kept_tokens = 0.0
        self.size, self.pieces = 0, 2
        self.framing_tokens = self.framing["request"]
        if request.system is not None:
            self.text_tokens += self.count(request.system)
            self.framing_tokens += self.framing["system"] + self.framing["message"]
        for medium in media:
            self.pieces += 1
            is_text = bool(medium.text) and not medium.tokens.expected
            self.framing_tokens += self.framing["text_file" if is_text else medium.modality]
            if medium.text:
                self.text_tokens += self.count(medium.text)
        self.add_messages()
        if request.tools or getattr(request.options, "server_tools", None):
            self.add_tools()
        if request.output is not None:
            self.add_output()
        self.add_options()

    def count(self, text: str) -> float:
        self.size += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        return self.counter.count(text)

    def count_all(self, texts: Iterable[str]) -> float:
        return sum(map(self.count, texts))

    def add_messages(self) -> None:
        messages, framing = self.request.messages, self.framing
        # The last message of the user's own: what comes with a tool's result belongs to the loop.
        last_question = -1
        for index, message in enumerate(messages):
            has_result = any(isinstance(part, ToolResult) for part in message.parts)
            if message.role in ("user", "system") and not has_result:
                last_question = index
        speaker = messages[0].role == "assistant" if messages else False
        open_calls = 0
        for index, message in enumerate(messages):
            self.pieces += 1
            is_answer = message.role == "assistant"
            if is_answer != speaker:
                speaker = is_answer
                self.framing_tokens += framing["turn"]
            # Calls of one turn may come in several messages, with no result between them.
            if not is_answer and open_calls > 1:
                self.framing_tokens += framing["parallel"] * open_calls
            calls = sum(isinstance(part, ToolCall) for part in message.parts)
            open_calls = open_calls + calls if is_answer else 0
            if any(isinstance(part, Text | MediaPart) for part in message.parts):
                self.framing_tokens += framing["message"] + (framing["answer"] if is_answer else 0)
            for part in message.parts:
                self.add_part(part, is_running=index > last_question)

    def add_part(self, part: Part, *, is_running: bool) -> None:
        """Add a part; media were counted before. is_running: it follows the last question."""
        if isinstance(part, Text):
            self.text_tokens += self.count(part.text)
        elif isinstance(part, ToolCall):
            self.add_call(part)
            self.add_opaque(part, is_running=is_running)
        elif isinstance(part, ToolResult):
            self.add_result(part)
        elif isinstance(part, Reasoning):
            # Anthropic signs the readable text, and servers of open models take it as it is;
            # OpenAI and Google bill the opaque item.
            is_sent = part.opaque is not None and part.provider == self.request.provider
            if is_sent and self.vendor in ("anthropic", ""):
                tokens = self.count(part.text)
                self.text_tokens += tokens if is_running else 0
                self.kept_tokens += tokens if self.keeps_thoughts and not is_running else 0
            self.add_opaque(part, is_running=is_running)

    def add_call(self, call: ToolCall) -> None:
        self.pieces += 1
        self.framing_tokens += self.framing["call"]
        if self.vendor == "anthropic":
            self.tool_tokens += self.count(
                tool_text.tagged_call(call.name, call.arguments, call.raw)
            )
        elif self.has_own_format:
            self.add_escaped(f"call:{call.name}{tool_text.gemini_text(call.arguments)}", 2)
        elif self.vendor == "google":
            self.tool_tokens += self.count_all((call.name, *tool_text.strings_of(call.arguments)))
            self.framing_tokens += self.framing["argument"] * len(call.arguments)
        else:
            arguments = call.raw or tool_text.compact_json(call.arguments)
            self.tool_tokens += self.count(call.name) + self.count(arguments)

    def add_result(self, result: ToolResult) -> None:
        self.framing_tokens += self.framing["result"]
        texts = [part.text for part in result.content if isinstance(part, Text)]
        if self.has_own_format:
            text = tool_text.gemini_text({"output": " ".join(texts)})
            self.add_escaped(f"response:{result.name or ''}{text}", 2)
        elif self.vendor == "google":
            self.text_tokens += self.count_all((result.name or "", "output", *texts))
        else:
            self.text_tokens += self.count_all(texts)

    def add_opaque(self, part: Reasoning | ToolCall, *, is_running: bool) -> None:
        opaque = part.opaque
        if opaque is None or part.provider != self.request.provider:
            return
        self.size += len(opaque)
        rate = self.framing["opaque"]
        if not (rate and is_running):  # vendors leave out thoughts before the last question
            return
        with suppress(ValueError):  # an item, of which one field is encrypted or signed
            item = msgspec.json.decode(opaque, type=dict[str, Any])
            opaque = item.get("encrypted_content") or item.get("thoughtSignature") or ""
        self.framing_tokens += rate * len(opaque)

    def add_escaped(self, text: str, marks: int) -> None:
        """Add text in Gemini's own format, with `marks` tokens around it."""
        escapes = text.count(tool_text.ESCAPE)
        self.tool_tokens += self.count(text.replace(tool_text.ESCAPE, ""))
        self.framing_tokens += escapes + marks
        self.size += escapes

    def add_tools(self) -> None:
        request, framing = self.request, self.framing
        tools, choice = request.tools, request.tool_choice
        self.pieces += len(tools)
        self.framing_tokens += framing["tools"] + framing["tool"] * len(tools)
        if choice == "required":
            self.framing_tokens += framing["required"]
        elif choice not in ("auto", "none"):
            self.framing_tokens += framing["named"]
            self.framing_tokens += self.count(choice) if self.vendor == "openai" else 0
        if request.system is None and request.messages[0].role != "system":
            self.framing_tokens += framing["tools_alone"]
        if len(tools) > 1:
            self.framing_tokens += framing["tools_many"]
        for own_tool in getattr(request.options, "server_tools", None) or ():
            if str(own_tool.get("type")).startswith("computer"):
                self.framing_tokens += framing["computer"]
        counted = self.size
        if self.vendor == "openai" and tools:
            self.tool_tokens += self.count(tool_text.namespace_text(tools))
        for tool in tools if self.vendor != "openai" else ():
            if self.has_own_format:
                self.add_escaped(tool_text.gemini_declaration(tool), 0)
            elif self.counts_strings:
                schema = tool_text.inline_references(tool.parameters)
                strings = tool_text.schema_strings(schema)
                self.tool_tokens += self.count_all((tool.name, tool.description, *strings))
            else:
                with_spaces = self.vendor == "anthropic"
                self.tool_tokens += self.count(
                    tool_text.json_declaration(tool, with_spaces=with_spaces)
                )
        # What is sent but not shown, as far as is known, may still be billed one day.
        sent = ((tool.name, tool.description, tool.parameters) for tool in tools)
        self.size = max(self.size, counted + sum(len(encode_json(each)) for each in sent))

    def add_output(self) -> None:
        from fmsdk.schema.json_schema import output_schema

        self.framing_tokens += self.framing["output"]
        name, schema = output_schema(self.request.output)
        if self.vendor == "openai":
            self.tool_tokens += self.count(tool_text.response_format_text(name, schema))
        elif self.vendor == "google":
            # Gemini does not bill the schema; the bound allows for it.
            self.size += len(encode_json(schema))
        else:
            self.tool_tokens += self.count(tool_text.compact_json(schema))

    def add_options(self) -> None:
        """Add the prompts that options bring."""
        options, model = self.request.options, self.request.model
        if getattr(options, "citations", False):
            self.framing_tokens += self.framing["citations"]
        # Claude is told how long to think with a budget, not by an effort.
        effort = self.request.settings.reasoning
        has_budget = effort not in (None, "none") and claude_generation(model) < _FIRST_ADAPTIVE
        thinking: Any = getattr(options, "thinking", None)
        if isinstance(thinking, Mapping):
            has_budget = cast("Mapping[str, Any]", thinking).get("type") == "enabled"
        if has_budget and self.vendor == "anthropic":
            self.framing_tokens += self.framing["thinking"]

    def estimate(self) -> tuple[Range[int], int]:
        """The tokens of text and framing, and the most of them that can be billed."""
        spread, request = self.counter.spread, self.request
        total = self.text_tokens + self.tool_tokens + self.framing_tokens
        low, high = (
            self.text_tokens * spread[end]
            + self.tool_tokens * spread[end] * _TOOL_SPREAD[end]
            + self.framing_tokens * _FRAMING_SPREAD[end]
            for end in (0, 1)
        )
        high += self.kept_tokens * spread[1]
        if not self.vendor and self.framing["request"]:
            high += _TEMPLATE_PROMPT
        expected = max(1, round(total))
        tokens = Range(
            min(max(1, math.floor(low)), expected), expected, max(math.ceil(high + 1), expected)
        )
        maximum = bound_of(
            vendor_of(self.server, ""),  # a router may add prompts of its own
            size=self.size,
            pieces=self.pieces,
            has_tools=bool(request.tools),
            has_output=request.output is not None,
            has_citations=bool(getattr(request.options, "citations", False)),
        )
        return tokens, max(maximum, tokens.high)
