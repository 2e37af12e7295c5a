"""From what torch, transformers and safetensors raise to fmsdk's errors.

The one place that knows their exceptions. torch is looked up only where it is loaded already:
an error of torch cannot exist otherwise.
"""

from __future__ import annotations

import gc
import sys
import traceback
from typing import Any

from fmsdk.errors import (
    BadRequestError,
    CheckpointError,
    ConfigurationError,
    FmsdkError,
    OutOfMemory,
    ServerError,
)

__all__ = ["release", "translate", "translate_loading"]

# torch raises a plain RuntimeError without a code where the allocator of the CPU or of Metal
# fails, and where CUDA is used after a fork: their texts are all there is to go by.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "MPS backend out of memory")
_FORKED = "Cannot re-initialize CUDA in forked subprocess"


def translate(error: Exception, name: str) -> FmsdkError:
    """The error a caller sees for `error`, which ended a request to the model called `name`."""
    if isinstance(error, FmsdkError):
        return error
    return _chained(_common(error, name) or _failed(error, name), error)


def translate_loading(error: Exception, name: str) -> FmsdkError:
    """The error a caller sees for `error`, which ended the loading of the model `name`."""
    if isinstance(error, FmsdkError):
        return error
    kind_of_error = _common(error, name)
    if kind_of_error is None and "trust_remote_code" in str(error):
        kind_of_error = CheckpointError(
            f"{name} brings Python code of its own, which is not run unless you say so: "
            "read it, then pass the option trust_remote_code=True"
        )
    if kind_of_error is None:
        kind_of_error = CheckpointError(f"{name} cannot be loaded: {_first_line(error)}")
    return _chained(kind_of_error, error)


def release(error: BaseException) -> None:
    """Let go of the tensors that the frames of `error` hold, and give their memory back."""
    kind_of_error: BaseException | None = error
    while kind_of_error is not None:
        traceback.clear_frames(kind_of_error.__traceback__)
        kind_of_error = kind_of_error.__context__
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        gc.collect()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()


def _common(error: Exception, name: str) -> FmsdkError | None:
    if _is_out_of_memory(error):
        return OutOfMemory(
            f"{name} ran out of memory: {_first_line(error)}. Shorten the request, lower "
            "max_output_tokens, or choose a smaller model or dtype"
        )
    if isinstance(error, ModuleNotFoundError):
        return ConfigurationError(f"{name} needs the module {error.name}: pip install {error.name}")
    if isinstance(error, ImportError):
        return ConfigurationError(f"{name} needs a package that is missing: {_first_line(error)}")
    if _FORKED in str(error):
        return ConfigurationError(
            f"{name} is on a GPU, which a forked process cannot use: start workers with "
            "multiprocessing.get_context('spawn')"
        )
    return None


def _is_out_of_memory(error: Exception) -> bool:
    torch: Any = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (
        torch is not None and isinstance(error, torch.OutOfMemoryError)
    ):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY)


def _failed(error: Exception, name: str) -> FmsdkError:
    if type(error).__module__.startswith("jinja2"):
        return BadRequestError(f"{name}'s chat template refuses the conversation: {error}")
    return ServerError(
        f"{name} failed: {type(error).__name__}: {_first_line(error)}", retryable=False
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _chained(kind_of_error: FmsdkError, cause: Exception) -> FmsdkError:
    kind_of_error.__cause__ = cause
    return kind_of_error
