"""Loads what turns messages into a model's inputs: a tokenizer, or a processor with one in it.

A processor's video half needs torchvision, even to be made. Where that is not installed, the
processor is made without it: it then takes text and pictures as it does otherwise.
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

from fmsdk_local.models.chat_template import read_template
from fmsdk_local.models.checkpoint import Kind

__all__ = ["load_processor", "tokenizer_of"]


def load_processor(path: Path, kind: Kind, *, trust_remote_code: bool) -> Any:
    """The processor of a multimodal checkpoint, the tokenizer of any other."""
    given = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    if kind != "multimodal":
        return cast("Any", AutoTokenizer).from_pretrained(path, **given)
    config = cast("Any", AutoConfig).from_pretrained(path, **given)
    made: Any = cast("Any", PROCESSOR_MAPPING).get(type(config), None)
    if made is None or "video_processor" not in made.get_attributes() or find_spec("torchvision"):
        return cast("Any", AutoProcessor).from_pretrained(path, **given)
    return _without_video(made, path, given)


def tokenizer_of(processor: Any) -> Any:
    """The tokenizer in a processor, or the tokenizer itself."""
    return getattr(processor, "tokenizer", processor)


def _without_video(kind: Any, path: Path, given: dict[str, Any]) -> Any:
    settings, _ = cast("Any", ProcessorMixin).get_processor_dict(path)
    accepted = inspect.signature(kind.__init__).parameters
    made: Any = type(kind.__name__, (_WithoutVideo, kind), {})
    return made(
        **{
            **{name: value for name, value in settings.items() if name in accepted},
            "tokenizer": cast("Any", AutoTokenizer).from_pretrained(path, **given),
            "image_processor": cast("Any", AutoImageProcessor).from_pretrained(path, **given),
            "video_processor": None,
            "chat_template": read_template(path),
        }
    )


class _WithoutVideo:
    """Lets a processor be made with None for its video half."""

    def check_argument_for_proper_class(self, argument_name: str, argument: object) -> Any:
        if argument_name == "video_processor":
            return type(None)
        return cast("Any", super()).check_argument_for_proper_class(argument_name, argument)
