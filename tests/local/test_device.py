"""Devices and dtypes by name, and the memory that weights and requests need."""

from __future__ import annotations

import pytest

from fmsdk.errors import ConfigurationError, OutOfMemory
from fmsdk_local.models.weights import TensorInfo
from tests.support.lazy_import import LazyModule, torch

device = LazyModule("fmsdk_local.engine.device")


def test_names_are_devices_and_dtypes() -> None:
    assert device.choose_device("cpu") == torch.device("cpu")
    assert device.choose_dtype("float16", torch.device("cpu")) is torch.float16
    assert device.choose_dtype("auto", torch.device("cpu")) in (torch.bfloat16, torch.float32)


@pytest.mark.parametrize("name", ["cuda", "cuda:3", "mps"])
def test_a_device_that_is_not_here_is_named(name: str) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ConfigurationError, match=name):
        device.choose_device(name)


def test_a_device_with_bfloat16_computes_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    assert device.choose_dtype("auto", torch.device("cuda", 0)) is torch.bfloat16
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    assert device.choose_dtype("auto", torch.device("cuda", 0)) is torch.float16


def test_a_cpu_is_described_for_the_bill() -> None:
    cpu = device.describe_device(torch.device("cpu"))
    assert cpu.kind == "cpu"
    assert cpu.name
    assert cpu.count == torch.get_num_threads()
    assert cpu.hourly_price is None


def test_weights_are_counted_in_the_dtype_they_will_have() -> None:
    free = device.free_memory(torch.device("cpu"))
    assert free > 0
    weight = TensorInfo("w", "F32", (free // 4 + 1000,), free + 4000)
    index = TensorInfo("i", "I32", (10,), 40)
    device.require_weight_memory([weight, index], torch.float16, torch.device("cpu"), "model")
    with pytest.raises(OutOfMemory, match="GB free"):
        device.require_weight_memory([weight, index], torch.float64, torch.device("cpu"), "model")
    with pytest.raises(OutOfMemory, match="GB free"):
        device.require_weight_memory([weight, weight], None, torch.device("cpu"), "model")


def test_a_request_that_cannot_fit_is_refused() -> None:
    device.require_cache_memory(1, torch.device("cpu"), "model")
    with pytest.raises(OutOfMemory, match="max_output_tokens"):
        device.require_cache_memory(10**18, torch.device("cpu"), "model")
