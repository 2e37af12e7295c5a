"""Loads what turns messages into a model's inputs: a tokenizer, or a processor that has one.

The video part of a processor needs torchvision, even to be constructed. Where torchvision is not
installed, the processor is constructed without it; text and pictures work as usual.
"""

from __future__ import annotations

import inspect
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoProcessor,
    AutoTokenizer,
    ProcessorMixin,
)
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

from fmsdk_local.models.chat_template import read_chat_template
from fmsdk_local.models.checkpoint import Kind

__all__ = ["load_processor", "tokenizer_of"]


def load_processor(path: Path, kind: Kind, *, trust_remote_code: bool) -> Any:
    """The processor of a multimodal checkpoint, the tokenizer of any other."""
    location = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    if kind != "multimodal":
        return cast("Any", AutoTokenizer).from_pretrained(path, **location)
    config = cast("Any", AutoConfig).from_pretrained(path, **location)
    cls: Any = cast("Any", PROCESSOR_MAPPING).get(type(config), None)
    if cls is None or "video_processor" not in cls.get_attributes() or find_spec("torchvision"):
        return cast("Any", AutoProcessor).from_pretrained(path, **location)
    return _load_without_video(cls, path, location)


def tokenizer_of(processor: Any) -> Any:
    """The tokenizer of a processor, or the tokenizer itself."""
    return getattr(processor, "tokenizer", processor)


def _load_without_video(cls: Any, path: Path, location: dict[str, Any]) -> Any:
    settings, _ = cast("Any", ProcessorMixin).get_processor_dict(path)
    parameters = inspect.signature(cls.__init__).parameters
    without_video: Any = type(cls.__name__, (_WithoutVideo, cls), {})
    return without_video(
        **{
            **{name: value for name, value in settings.items() if name in parameters},
            "tokenizer": cast("Any", AutoTokenizer).from_pretrained(path, **location),
            "image_processor": cast("Any", AutoImageProcessor).from_pretrained(path, **location),
            "video_processor": None,
            "chat_template": read_chat_template(path),
        }
    )


class _WithoutVideo:
    """Lets a processor be constructed with None for its video part."""

    def check_argument_for_proper_class(self, argument_name: str, argument: object) -> Any:
        if argument_name == "video_processor":
            return type(None)
        return cast("Any", super()).check_argument_for_proper_class(argument_name, argument)
