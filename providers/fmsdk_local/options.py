"""Options of the provider (`LocalConfig`) and of one request (`LocalOptions`).

Both are checked here, without torch: a device or dtype is a name until
`fmsdk_local.engine.device` looks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal, cast, get_args

from fmsdk.errors import BadRequestError
from fmsdk.files import expand_home
from fmsdk.provider import Progress
from fmsdk.request import Request
from fmsdk.request_options import with_typed_options

__all__ = ["DType", "LocalConfig", "LocalOptions", "options_of"]

DType = Literal["auto", "bfloat16", "float16", "float32"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalConfig:
    """The provider's options: `Client(providers={"local": {"device": "cpu"}})`.

    device: "auto" (the first GPU, else the CPU), "cpu", "cuda", "cuda:1", "mps".
    dtype: "auto" is bfloat16 where the device computes in it. Elsewhere it is float32, or
        float16 on a GPU for a checkpoint in float16. Quantised checkpoints keep their own.
    threads: CPU threads of torch, for the whole process; None is torch's default.
    attn: transformers' `attn_implementation` ("sdpa", "eager", "flash_attention_2", …).
    price_per_hour: of the device, in dollars an hour; it determines the cost of a response.
    trust_remote_code: run the Python code that a checkpoint contains.
    cache_dir: directory for converted GGUF files, in place of the user's store.
    max_queue: how many requests may wait for one model; more are refused.
    progress: called while a model is converted or loaded: see `fmsdk.provider.Progress`.
    """

    device: str = "auto"
    dtype: DType = "auto"
    threads: int | None = None
    attn: str | None = None
    price_per_hour: Decimal | None = None
    trust_remote_code: bool = False
    cache_dir: Path | None = None
    max_queue: int = 1000
    progress: Progress | None = None

    @classmethod
    def read_options(cls, options: Mapping[str, Any]) -> LocalConfig:
        """Check the options as the user wrote them.

        Raises:
            BadRequestError: an option is unknown, or its value is invalid.
        """
        names = {spec.name for spec in fields(cls)}
        values = {name: value for name, value in options.items() if name != "wire"}
        unknown = sorted(values.keys() - names)
        if unknown:
            raise BadRequestError(
                f"local has no option {', '.join(unknown)}; it has {', '.join(sorted(names))}"
            )
        if values.get("price_per_hour") is not None:
            values["price_per_hour"] = _parse_price(values["price_per_hour"])
        if values.get("cache_dir") is not None:
            values["cache_dir"] = Path(expand_home(str(values["cache_dir"])))
        return cls(**values)

    def __post_init__(self) -> None:
        kind, _, index = self.device.partition(":")
        if kind not in ("auto", "cpu", "cuda", "mps") or (index and not index.isdecimal()):
            raise BadRequestError(
                f"device must be auto, cpu, cuda, cuda:1 (or another number) or mps, "
                f"not {self.device!r}"
            )
        if self.dtype not in get_args(DType):
            raise BadRequestError(
                f"dtype must be one of {', '.join(get_args(DType))}, not {self.dtype!r}"
            )
        for name in ("threads", "max_queue"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BadRequestError(f"{name} must be at least 1, not {value}")
        if not isinstance(cast("object", self.trust_remote_code), bool):
            raise BadRequestError(
                f"trust_remote_code must be True or False, not {self.trust_remote_code!r}"
            )


def _parse_price(value: object) -> Decimal:
    try:
        price = Decimal(str(value))
    except InvalidOperation as error:
        raise BadRequestError(f"price_per_hour must be dollars an hour, not {value!r}") from error
    if not price.is_finite() or price < 0:
        raise BadRequestError(f"price_per_hour must be dollars an hour, not {value!r}")
    return price


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """Settings of local models alone, for `generate(…, options=LocalOptions(…))`.

    None leaves a value to the checkpoint's `generation_config.json`, as transformers does.

    top_k: sample among this many likeliest tokens; 0 is no limit.
    min_p: sample among tokens at least this fraction as likely as the likeliest.
    repetition_penalty: above 1 makes tokens of the text so far less likely (Keskar et al., 2019,
        "CTRL", section 4.1).
    no_repeat_ngram_size: no sequence of this many tokens occurs twice.
    template: variables for the chat template, beside those that the request sets.
    """

    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    no_repeat_ngram_size: int | None = None
    template: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.top_k is not None and self.top_k < 0:
            raise BadRequestError("top_k must be at least 0")
        if self.min_p is not None and not 0 <= self.min_p <= 1:
            raise BadRequestError("min_p must be between 0 and 1")
        if self.repetition_penalty is not None and self.repetition_penalty <= 0:
            raise BadRequestError("repetition_penalty must be above 0")
        if self.no_repeat_ngram_size is not None and self.no_repeat_ngram_size < 0:
            raise BadRequestError("no_repeat_ngram_size must be at least 0")


_DEFAULT = LocalOptions()


def options_of(request: Request) -> LocalOptions:
    """The request's options for this provider.

    Raises:
        BadRequestError: the options are another provider's.
    """
    options = with_typed_options(request, LocalOptions).options
    return _DEFAULT if options is None else options
