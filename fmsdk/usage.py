"""What a request used: tokens by direction and modality, seconds, money.

`None` always means unknown, never zero. `fmsdk.pricing` computes money from tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar, cast

__all__ = [
    "Attempt",
    "Cost",
    "CostLine",
    "Device",
    "InputUsage",
    "Latency",
    "OutputUsage",
    "Range",
    "Timings",
    "Usage",
    "UsageSource",
    "format_dollars",
    "to_plain_record",
    "without_false_zeros",
]

N = TypeVar("N", int, float, Decimal)

UsageSource = Literal["measured", "estimated", "unknown"]
_SIGNIFICANT_DIGITS = 3


def format_dollars(amount: Decimal) -> str:
    """US dollars with at least 2 decimals and 3 significant digits."""
    decimals = max(2, _SIGNIFICANT_DIGITS - 1 - amount.adjusted()) if amount else 2
    return f"${amount:,.{decimals}f}"


def to_plain_record(value: Any) -> dict[str, Any]:
    """A dataclass instance as an object, field by field, at any depth: money is text, and tuples
    are lists."""

    def create_object(items: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(items)
        for name, field in items:
            if isinstance(field, Decimal):
                record[name] = f"{field:f}"
            elif isinstance(field, tuple):
                record[name] = list(cast("tuple[Any, ...]", field))
        return record

    return asdict(value, dict_factory=create_object)


class _Counts:
    """Counts of which most are unknown: `str` shows those that are known."""

    __slots__ = ()

    def __str__(self) -> str:
        counts = ((spec.name, getattr(self, spec.name)) for spec in fields(cast("Any", self)))
        text = ", ".join(f"{name} {count}" for name, count in counts if count is not None)
        return text or "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputUsage(_Counts):
    """Tokens (or seconds) of the input. `total` includes cached tokens, for every vendor.

    The modality fields are parts of `total` where the vendor reports them. `cache_read` and
    `cache_write` are parts of `total` too, across modalities. `cache_read_image`, `…_audio` and
    `…_video` are parts of `cache_read`, where the vendor reports them. `cache_write_1h` is the part
    of `cache_write` with a lifetime of an hour. Speech-to-text is billed by `audio_seconds`.
    """

    total: int | None = None
    text: int | None = None
    image: int | None = None
    audio: int | None = None
    document: int | None = None
    video: int | None = None
    cache_read: int | None = None
    cache_read_image: int | None = None
    cache_read_audio: int | None = None
    cache_read_video: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    audio_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputUsage(_Counts):
    """Tokens of the output. `total` includes `reasoning`, for every vendor."""

    total: int | None = None
    text: int | None = None
    audio: int | None = None
    image: int | None = None
    reasoning: int | None = None


_NO_INPUT = InputUsage()
_NO_OUTPUT = OutputUsage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a request used, and where the figures come from.

    `source` is "measured" (the vendor's bill, or counted by the local engine), "estimated",
    or "unknown". `service_tier` is the tier that *served* the request. `server_tools` counts the
    calls of tools that the vendor ran, by name ("web_search", "file_search", …), where it reports
    them. `region` is the geography in which the request was computed, where the vendor names it
    ("us"). `charged` is the cost of the request in US dollars that some vendors report. `raw` is
    the vendor's own usage object, unchanged.
    """

    input: InputUsage = _NO_INPUT
    output: OutputUsage = _NO_OUTPUT
    source: UsageSource = "unknown"
    service_tier: str | None = None
    server_tools: Mapping[str, int] | None = None
    region: str | None = None
    charged: Decimal | None = None
    raw: dict[str, Any] | None = None

    def __str__(self) -> str:
        """The tokens in and out; "~" marks estimates."""
        mark = "~" if self.source == "estimated" else ""
        texts: list[str] = []
        if self.input.total is not None:
            cached = f" ({self.input.cache_read} cached)" if self.input.cache_read else ""
            texts.append(f"{mark}{self.input.total} tokens in{cached}")
        elif self.input.audio_seconds is not None:
            texts.append(f"{mark}{self.input.audio_seconds:.1f} s of audio in")
        if self.output.total is not None:
            reasoning = f" ({self.output.reasoning} reasoning)" if self.output.reasoning else ""
            texts.append(f"{mark}{self.output.total} tokens out{reasoning}")
        return ", ".join(texts) or "tokens unknown"

    def to_dict(self) -> dict[str, Any]:
        """Plain values; money is text, None is unknown. `raw` is left out."""
        record = to_plain_record(self)
        del record["raw"]
        return record


def without_false_zeros(usage: Usage, *, has_output: bool) -> Usage:
    """The usage without zeros that cannot be true, from servers and gateways that do not count.
    fmsdk's own estimate, which has no `raw`, may well be zero.

    No request is empty, and no answer with content (`has_output`). Without any other count, the
    usage is "unknown", and so is a charge of 0 beside it.
    """
    if usage.source == "estimated" and usage.raw is None:
        return usage
    has_input = usage.input.total != 0
    if has_input and not (has_output and usage.output.total == 0):
        return usage
    if not has_input:
        seconds = usage.input.audio_seconds
        usage = replace(usage, input=InputUsage(audio_seconds=seconds))
    if usage.output.total == 0:
        usage = replace(usage, output=OutputUsage())
    if usage.input != _NO_INPUT or usage.output.total is not None:
        return usage
    return replace(usage, source="unknown", charged=usage.charged or None)


# No slots: with them, calling a subscripted generic (`Range[int](…)`) fails in Python 3.11.
@dataclass(frozen=True)
class Range(Generic[N]):
    """A figure that is not known exactly: `low` ≤ `expected` ≤ `high`."""

    low: N
    expected: N
    high: N

    def __post_init__(self) -> None:
        if not self.low <= self.expected <= self.high:
            raise ValueError(f"not in order: {self.low}, {self.expected}, {self.high}")

    def __str__(self) -> str:
        """The expected figure, then the bounds. Decimals are US dollars, floats are seconds."""

        def show(number: N) -> str:
            if isinstance(number, Decimal):
                return format_dollars(number)
            return f"{number:.2f} s" if isinstance(number, float) else str(number)

        low, expected, high = map(show, (self.low, self.expected, self.high))
        return f"{expected} ({low} to {high})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One line of a bill: `quantity` × `unit_price` = `amount` (US dollars).

    `kind` is what was used ("input", "cache read", "output", "device time", …), `unit` its unit
    ("token", "second", "request"); `unit_price` is for one unit.
    """

    kind: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    note: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {format_dollars(self.amount)} for {self.quantity:f} × {self.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a request cost. `total` is the sum of `lines`.

    `price_source` is where the prices come from, and their date. `source` follows the
    usage: "measured" tokens give a measured cost, "estimated" ones an estimate.
    """

    total: Decimal
    lines: tuple[CostLine, ...]
    price_source: str
    currency: str = "USD"
    source: UsageSource = "measured"

    def __str__(self) -> str:
        """The total, rounded to 3 digits; "~" marks an estimate. Device time says whose figure its
        price is: your own, or what renting such a device costs."""
        text = ("~" if self.source == "estimated" else "") + format_dollars(self.total)
        for line in self.lines:
            if line.kind == "device time":
                whose = line.note.partition(":")[0] or self.price_source.partition(",")[0]
                text += f" ({whose} at {format_dollars(line.unit_price * 3600)}/h)"
        return text

    def to_dict(self) -> dict[str, Any]:
        """Plain values; money is text, with every digit."""
        return to_plain_record(self)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: its length, the wait before it, and its error (None: it succeeded)."""

    seconds: float
    waited: float = 0.0
    error: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long a request took, in seconds.

    total: from the call until the last token, everything included.
    time_to_first_token: from the call to the first visible token, without `queue` and `load`;
        None where that is unknown (a hosted answer without streaming).
    queue: waiting for a place (client's `max_concurrency`, local engine's queue), for the imports
        of a first call, and for this program: seconds in which its event loop was late.
    load: loading the local model, 0.0 where it was loaded already; None for hosted models.
    prefill, decode: phases of the local engine; None where unknown.
    output_tokens_per_second: output tokens after the first ÷ time after the first token, or,
        without a time to first token, output tokens ÷ the last attempt's time. None for fewer
        than 8 tokens, or within less than 50 ms.
    attempts: every attempt, in order; `len(attempts) - 1` retries.
    """

    total: float
    time_to_first_token: float | None = None
    queue: float = 0.0
    load: float | None = None
    prefill: float | None = None
    decode: float | None = None
    output_tokens_per_second: float | None = None
    attempts: tuple[Attempt, ...] = ()

    def __str__(self) -> str:
        times = [f"{self.total:.2f} s"]
        if self.load:
            times[0] += f" ({self.load:.2f} s loading)"
        if self.time_to_first_token is not None:
            times.append(f"first token {self.time_to_first_token:.2f} s")
        if self.output_tokens_per_second is not None:
            times.append(f"{self.output_tokens_per_second:.1f} tok/s")
        if len(self.attempts) > 1:
            times.append(f"{len(self.attempts)} attempts")
        return ", ".join(times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The device a local model ran on.

    kind: "cpu", "cuda", "mps", …; name: the driver's name of it; count: how many of them
    (for a CPU, its threads). `hourly_price` is the user's own figure in dollars an hour for all of
    them together; None means the price of the table.
    """

    kind: str
    name: str
    count: int = 1
    hourly_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Times that only a provider can measure, in seconds. `Latency` and `Cost` follow from them.

    device_seconds: how long the request occupied `device` (its share, where it was shared).
    """

    queue: float = 0.0
    load: float | None = None
    prefill: float | None = None
    decode: float | None = None
    time_to_first_token: float | None = None
    device_seconds: float | None = None
    device: Device | None = None
