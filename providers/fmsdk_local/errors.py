"""Maps what torch, transformers and safetensors raise to fmsdk's errors.

The one place that knows their exceptions. It looks torch up only where torch is already
imported: an error of torch cannot exist otherwise.
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

__all__ = ["first_line", "map_loading_error", "map_request_error", "release_tensors"]

# torch raises a plain RuntimeError without a code where the allocator of the CPU or of Metal
# fails, and where CUDA is used after a fork. Only the messages tell these errors apart.
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "MPS backend out of memory")
_CUDA_AFTER_FORK = "Cannot re-initialize CUDA in forked subprocess"


def map_request_error(error: Exception, name: str) -> FmsdkError:
    """fmsdk's error for `error`, which ended a request to the model `name`."""
    if isinstance(error, FmsdkError):
        return error
    fmsdk_error = _map_device_or_import_error(error, name)
    if fmsdk_error is None and type(error).__module__.startswith("jinja2"):
        fmsdk_error = BadRequestError(f"{name}'s chat template refuses the conversation: {error}")
    if fmsdk_error is None:
        message = f"{name} failed: {type(error).__name__}: {first_line(error)}"
        fmsdk_error = ServerError(message, retryable=False)
    fmsdk_error.__cause__ = error
    return fmsdk_error


def map_loading_error(error: Exception, name: str) -> FmsdkError:
    """fmsdk's error for `error`, which ended the loading of the model `name`."""
    if isinstance(error, FmsdkError):
        return error
    fmsdk_error = _map_device_or_import_error(error, name)
    if fmsdk_error is None and "trust_remote_code" in str(error):
        fmsdk_error = CheckpointError(
            f"{name} contains Python code of its own, which does not run by default: read it, "
            "then pass the option trust_remote_code=True"
        )
    if fmsdk_error is None:
        fmsdk_error = CheckpointError(f"{name} cannot be loaded: {first_line(error)}")
    fmsdk_error.__cause__ = error
    return fmsdk_error


def release_tensors(error: BaseException) -> None:
    """Drop the tensors that the stack frames of `error` hold, and free their memory."""
    link: BaseException | None = error
    while link is not None:
        traceback.clear_frames(link.__traceback__)
        link = link.__context__
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        gc.collect()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()


def first_line(error: Exception) -> str:
    """The first line of the error's message, or the name of its class."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _map_device_or_import_error(error: Exception, name: str) -> FmsdkError | None:
    torch: Any = sys.modules.get("torch")
    if (
        isinstance(error, MemoryError)
        or (torch is not None and isinstance(error, torch.OutOfMemoryError))
        or (isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY))
    ):
        return OutOfMemory(
            f"{name} ran out of memory: {first_line(error)}. Shorten the request, lower "
            "max_output_tokens, or choose a smaller model or dtype"
        )
    if isinstance(error, ModuleNotFoundError):
        return ConfigurationError(f"{name} needs the module {error.name}: pip install {error.name}")
    if isinstance(error, ImportError):
        return ConfigurationError(
            f"{name} needs a package that is not installed: {first_line(error)}"
        )
    if _CUDA_AFTER_FORK in str(error):
        return ConfigurationError(
            f"{name} is on a GPU, which a forked process cannot use: start workers with "
            "multiprocessing.get_context('spawn')"
        )
    return None
