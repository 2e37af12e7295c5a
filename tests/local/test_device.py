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


@pytest.mark.parametrize(
    ("capability", "trained", "expected"),
    [
        ((9, 0), "bfloat16", "bfloat16"),
        ((8, 0), "float16", "bfloat16"),
        ((7, 5), "bfloat16", "float32"),  # float16 would overflow
        ((7, 5), "float32", "float32"),
        ((7, 5), None, "float32"),
        ((7, 0), "float16", "float16"),
    ],
)
def test_a_gpu_computes_in_what_it_has_and_the_model_bears(
    monkeypatch: pytest.MonkeyPatch,
    capability: tuple[int, int],
    trained: str | None,
    expected: str,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    dtype = trained and getattr(torch, trained)
    chosen = device.choose_dtype("auto", torch.device("cuda", 0), dtype)
    assert chosen is getattr(torch, expected)
    assert device.choose_dtype("float16", torch.device("cuda", 0), dtype) is torch.float16


@pytest.mark.parametrize(("is_new", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_metal_computes_in_what_it_has(
    monkeypatch: pytest.MonkeyPatch, is_new: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda *_: is_new)
    metal = torch.device("mps")
    assert device.choose_dtype("auto", metal, torch.bfloat16) is getattr(torch, expected)


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


def test_weights_leave_room_for_a_request_and_the_libraries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weight = TensorInfo("w", "F32", (10**9,), 4 * 10**9)
    monkeypatch.setattr("fmsdk_local.engine.device.free_memory", lambda _: 5 * 10**9)
    cpu, gpu = torch.device("cpu"), torch.device("cuda", 0)
    device.require_weight_memory([weight], None, cpu, "model", request_bytes=10**9)
    with pytest.raises(OutOfMemory, match=r"4\.0 GB, and 1\.1 GB for a request"):
        device.require_weight_memory([weight], None, cpu, "model", request_bytes=11 * 10**8)
    device.require_weight_memory([weight], None, gpu, "model", request_bytes=4 * 10**8)
    with pytest.raises(OutOfMemory, match="for a request"):
        device.require_weight_memory([weight], None, gpu, "model", request_bytes=5 * 10**8)


def test_the_memory_of_a_token_is_that_of_the_cache_and_of_one_layer() -> None:
    from transformers import DeepseekV3Config, LlamaConfig

    from fmsdk_local.text.memory import TokenMemory

    llama_8b = LlamaConfig(
        hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
        num_key_value_heads=8,
    )  # fmt: skip
    memory = TokenMemory.of_config(llama_8b, torch.bfloat16)
    assert memory.cached == 128 * 1024  # 2 x 32 layers x 8 heads x 128 numbers x 2 bytes
    assert memory.active == 2 * (8 * 4096 + 3 * 14336)
    assert memory.request_bytes(10, 30) == 30 * memory.cached + 10 * memory.active
    assert TokenMemory.of_config(DeepseekV3Config(), torch.bfloat16).cached == 0  # compressed
