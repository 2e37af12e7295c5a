"""Maps what torch, transformers and safetensors raise to fmsdk's errors.

The one place that knows their exceptions. It looks torch up only where torch is already
imported: an error of torch cannot exist otherwise.
"""

from __future__ import annotations

import gc
import logging
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from fmsdk.errors import (
    BadRequestError,
    CheckpointError,
    ConfigurationError,
    FmsdkError,
    OutOfMemory,
    ServerError,
)

__all__ = [
    "broken_device_error",
    "first_line",
    "is_device_broken",
    "map_loading_error",
    "map_request_error",
    "release_memory",
    "release_tensors",
    "typed_panics",
]

# torch raises a plain RuntimeError without a code where the allocator of the CPU or of Metal
# fails, and where CUDA is used after a fork; CTranslate2 has no other errors. Only the messages
# tell them apart.
_OUT_OF_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",  # of CUDA, HIP, Metal, CTranslate2
    "STATUS_ALLOC_FAILED",  # of cuBLAS, cuDNN, cuSPARSE
    "CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate",  # no memory for its workspace
)
_CUDA_AFTER_FORK = "Cannot re-initialize CUDA in forked subprocess"
# torch's AcceleratorError, and older or other libraries' RuntimeErrors.
_DEVICE_ERRORS = (
    "CUDA error",
    "HIP error",
    "CUDA failed with error",
    "cuBLAS failed with status",
    "STATUS_EXECUTION_FAILED",
    "STATUS_INTERNAL_ERROR",
)
# Of a call that was refused before it ran: the device goes on (CUDA Runtime API, cudaError_t).
_REFUSALS = (
    "invalid argument",
    "invalid configuration argument",
    "invalid device function",
    "invalid device ordinal",
    "no CUDA-capable device",
    "no kernel image is available",
    "not supported",
    "driver version is insufficient",
    "STATUS_ARCH_MISMATCH",
    "STATUS_INVALID_VALUE",
    "STATUS_NOT_SUPPORTED",
)
_log = logging.getLogger("fmsdk_local")
_MAX_LINKS = 20  # in a chain of causes


def map_request_error(error: Exception, name: str) -> FmsdkError:
    """fmsdk's error for `error`, which ended a request to the model `name`."""
    if is_device_broken(error):
        return broken_device_error(error, name)
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
    if is_device_broken(error):
        return broken_device_error(error, name)
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


@contextmanager
def typed_panics(name: str) -> Generator[None]:
    """Where the tokenizer of the model `name` is called. It is written in Rust, whose panics are no
    `Exception`: they would end the engine's thread.

    Raises:
        CheckpointError: it panicked.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise CheckpointError(
            f"the tokenizer of {name} failed: {first_line(error)}. Use another checkpoint, or "
            "repair its tokenizer.json"
        ) from error


def is_device_broken(error: BaseException) -> bool:
    """Whether the GPU is of no more use to this process.

    After an error in a kernel (a device-side assert, an illegal address) each later call of CUDA
    fails with the same error, until the process ends. Neither a lack of memory nor a call that
    was refused is such an error.
    """
    torch: Any = sys.modules.get("torch")
    accelerator_error: Any = getattr(torch, "AcceleratorError", ())
    link: BaseException | None = error
    for _ in range(_MAX_LINKS):
        if link is None:
            break
        text = str(link)
        if isinstance(link, RuntimeError) and not _is_out_of_memory(link):
            is_device_error = any(phrase in text for phrase in _DEVICE_ERRORS)
            if isinstance(link, accelerator_error) or is_device_error:
                return not any(phrase in text for phrase in _REFUSALS)
        link = link.__cause__ or link.__context__
    return False


def broken_device_error(error: BaseException, name: str) -> FmsdkError:
    """The error for every request to the model `name`, from the error `error` of its GPU on."""
    why = first_line(error)
    fmsdk_error = ServerError(
        f"{name} failed: an error of its GPU ({why}) leaves the GPU unusable for this process. "
        "Restart the process",
        retryable=False,
    )
    fmsdk_error.__cause__ = error
    return fmsdk_error


def release_tensors(error: BaseException) -> None:
    """Drop the tensors that the stack frames of `error` hold, and free their memory."""
    link: BaseException | None = error
    while link is not None:
        traceback.clear_frames(link.__traceback__)
        link = link.__context__
    release_memory()


def release_memory() -> None:
    """Give memory that no tensor holds back to the system. Does nothing where torch is not
    imported, or where its GPU is broken."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return
    gc.collect()
    try:
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
    except RuntimeError as error:  # a broken GPU answers every call with its first error
        _log.debug("memory of a GPU was not released: %s", error)


def first_line(error: BaseException) -> str:
    """The first line of the error's message, or the name of its class."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _map_device_or_import_error(error: Exception, name: str) -> FmsdkError | None:
    if _is_out_of_memory(error):
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
    if "no kernel image is available" in str(error):
        return ConfigurationError(
            f"{name} is on a GPU that this build of torch has no code for: install a build for "
            'its architecture, or choose device="cpu"'
        )
    return None


def _is_out_of_memory(error: BaseException) -> bool:
    torch: Any = sys.modules.get("torch")
    return (
        isinstance(error, MemoryError)
        or (torch is not None and isinstance(error, torch.OutOfMemoryError))
        or (isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY))
    )
