"""The device and the dtype of a model, the device's name, and its free memory."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterable
from math import prod
from pathlib import Path

import psutil
import torch

from fmsdk.errors import ConfigurationError, OutOfMemory
from fmsdk.usage import Device
from fmsdk_local.models.weights import TensorInfo

__all__ = [
    "choose_device",
    "choose_dtype",
    "describe_device",
    "free_memory",
    "require_cache_memory",
    "require_weight_memory",
]

_GB = 1e9
# What CUDA's libraries take for themselves at the first call: cuBLAS and cuDNN, kernels.
_WORKSPACE = {"cuda": 512 * 2**20}


def choose_device(name: str) -> torch.device:
    """The device called `name`; "auto" is the first GPU, else the CPU.

    Raises:
        ConfigurationError: this machine, or this build of torch, has no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        index, count = device.index or 0, torch.cuda.device_count()
        if index >= count:
            raise ConfigurationError(
                f"this machine has no device {name}: torch {torch.__version__} finds {count} CUDA "
                'devices; device="auto" chooses one that exists'
            )
        return torch.device("cuda", index)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigurationError(
            'this machine has no device mps; device="auto" chooses one that exists'
        )
    return device


def choose_dtype(
    name: str, device: torch.device, checkpoint_dtype: torch.dtype | None = None
) -> torch.dtype:
    """The dtype called `name`; "auto" is bfloat16 where the device computes in it natively.

    Elsewhere it is float32, or on a GPU float16 if the checkpoint is in float16 itself. A model
    that was trained in bfloat16 has activations beyond float16's largest number, 65,504: it would
    write rubbish, or nothing. GPUs before Ampere (compute capability 8.0) only emulate bfloat16.

    Args:
        name: "auto", "bfloat16", "float16" or "float32".
        device: what the model will run on.
        checkpoint_dtype: the dtype that the checkpoint declares; None: unknown.
    """
    if name != "auto":
        return getattr(torch, name)
    if device.type == "cpu":
        cpu = torch.cpu.get_capabilities()
        native = cpu.get("avx512_bf16") or cpu.get("amx_bf16") or cpu.get("bf16")
    elif device.type == "cuda":
        native = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        native = torch.backends.mps.is_macos_or_newer(14, 0)
    if native:
        return torch.bfloat16
    is_half = checkpoint_dtype == torch.float16 and device.type != "cpu"
    return torch.float16 if is_half else torch.float32


def describe_device(device: torch.device) -> Device:
    """The device as usage reports it: the driver's name for it; a CPU's count is its threads."""
    if device.type == "cuda":
        return Device(kind="cuda", name=torch.cuda.get_device_name(device))
    count = torch.get_num_threads() if device.type == "cpu" else 1
    return Device(kind=device.type, name=_cpu_name(), count=count)


def free_memory(device: torch.device) -> int:
    """Bytes that a new tensor could take."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cache: int = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + cache
    return int(psutil.virtual_memory().available)


def require_weight_memory(
    tensors: Iterable[TensorInfo],
    dtype: torch.dtype | None,
    device: torch.device,
    name: str,
    *,
    request_bytes: int = 0,
) -> None:
    """Refuse weights that leave no room in the free memory for a request, before the system kills
    the process for them. `request_bytes`: keys, values and activations of one request.

    Raises:
        OutOfMemory: says how much memory is needed, and how much is free.
    """
    size = sum(
        tensor.size if dtype is None or not tensor.is_float else prod(tensor.shape) * dtype.itemsize
        for tensor in tensors
    )
    room = request_bytes + _WORKSPACE.get(device.type, 0)
    free = free_memory(device)
    if size + room > free:
        raise OutOfMemory(
            f"{name} needs {size / _GB:.1f} GB, and {room / _GB:.1f} GB for a request; {device} "
            f"has {free / _GB:.1f} GB free; choose a smaller model, dtype or another device"
        )


def require_cache_memory(size: int, device: torch.device, name: str) -> None:
    """Refuse a request whose keys, values and activations are larger than the free memory.

    Raises:
        OutOfMemory: says how much memory is needed, and how much is free.
    """
    free = free_memory(device)
    if size > free:
        raise OutOfMemory(
            f"a request of this length needs {size / _GB:.1f} GB on {device} beside {name}, and "
            f"{free / _GB:.1f} GB are free; shorten the prompt or lower max_output_tokens"
        )


def _cpu_name() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if result.stdout.strip():
            return result.stdout.strip()
    return platform.processor() or platform.machine()
