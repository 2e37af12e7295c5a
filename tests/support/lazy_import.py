"""Modules that are imported when something of them is first used.

Every worker of a test run imports every test file. torch and the vendors' SDKs take seconds each,
and few workers run the tests that need them.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = [
    "LazyModule",
    "anthropic",
    "genai",
    "gguf",
    "openai",
    "safetensors_torch",
    "torch",
    "transformers",
]


class LazyModule:
    """Stands for a module until an attribute of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):  # pytest looks at every object of a test file for these
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self._name), attribute)


anthropic = LazyModule("anthropic")
genai = LazyModule("google.genai")
gguf = LazyModule("gguf")
openai = LazyModule("openai")
safetensors_torch = LazyModule("safetensors.torch")
torch = LazyModule("torch")
transformers = LazyModule("transformers")
