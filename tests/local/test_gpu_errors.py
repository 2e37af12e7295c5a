"""Errors of a GPU, raised by the model's forward pass as torch and CTranslate2 raise them."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.errors import ConfigurationError, FmsdkError, OutOfMemory, ServerError
from fmsdk_local import errors as local_errors
from fmsdk_local import unload
from fmsdk_local.options import LocalConfig
from tests.local.conftest import CheckpointFactory
from tests.support.lazy_import import LazyModule, torch
from tests.support.local import calls

loader = LazyModule("fmsdk_local.models.loader")
engine_module = LazyModule("fmsdk_local.engine.engine")

ASSERT = "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronous"
BREAKING = [
    lambda: torch.AcceleratorError(ASSERT),
    lambda: RuntimeError(ASSERT),
    lambda: RuntimeError("CUDA error: an illegal memory access was encountered"),
    lambda: RuntimeError("CUDA error: unspecified launch failure"),
    lambda: RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx`"),
    lambda: RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    lambda: RuntimeError("HIP error: an illegal memory access was encountered"),
    lambda: RuntimeError("CUDA failed with error an illegal memory access was encountered"),
]
OUT_OF_MEMORY = [
    lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    lambda: torch.AcceleratorError("CUDA error: out of memory"),
    lambda: RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(h)`"),
    lambda: RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    lambda: RuntimeError("CUDA failed with error out of memory"),
    lambda: RuntimeError("cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED"),
    lambda: MemoryError(),
]
REFUSED = [
    lambda: torch.AcceleratorError("CUDA error: invalid configuration argument"),
    lambda: RuntimeError("CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `cublasLtMatmul`"),
    lambda: RuntimeError("CUDA error: no kernel image is available for execution on the device"),
    lambda: ValueError("CUDA error"),
]


@pytest.fixture
def models(tiny_checkpoint: CheckpointFactory) -> Iterator[list[str]]:
    """Two models on one device, and nothing loaded before and after."""
    unload()
    yield [f"local:{tiny_checkpoint(name)}" for name in ("llama", "base")]
    unload()


def break_forward(model: str, raise_error: Callable[[], Exception]) -> Any:
    """Load `model`, and let its forward pass raise; returns the network."""
    calls.client().load(model)
    path = Path(model.removeprefix("local:"))
    loaded = loader.find_loaded(path, LocalConfig(device="cpu", dtype="float32"))
    network = loaded.engine.runner.model

    def fail(*_: Any, **__: Any) -> None:
        raise raise_error()

    network.forward = fail
    return network


def generate(model: str, *, streamed: bool = False) -> str:
    if not streamed:
        return calls.client().generate(model, "Hi", **calls.GREEDY).text
    with calls.client().stream(model, "Hi", **calls.GREEDY) as stream:
        return "".join(e.text for e in stream if isinstance(e, fmsdk.TextDelta))


@pytest.mark.parametrize("raise_error", BREAKING)
def test_errors_that_break_a_gpu_are_told_apart(raise_error: Callable[[], Exception]) -> None:
    error = raise_error()
    assert local_errors.is_device_broken(error)
    wrapped = ValueError("wrapped")
    wrapped.__cause__ = error
    for mapped in (
        local_errors.map_request_error(error, "model"),
        local_errors.map_request_error(wrapped, "model"),
        local_errors.map_loading_error(error, "model"),
    ):
        assert isinstance(mapped, ServerError)
        assert "estart the process" in mapped.message
        assert not mapped.retryable


@pytest.mark.parametrize("raise_error", OUT_OF_MEMORY)
def test_a_lack_of_memory_is_no_broken_gpu(raise_error: Callable[[], Exception]) -> None:
    error = raise_error()
    assert not local_errors.is_device_broken(error)
    assert isinstance(local_errors.map_request_error(error, "model"), OutOfMemory)
    assert isinstance(local_errors.map_loading_error(error, "model"), OutOfMemory)


@pytest.mark.parametrize("raise_error", REFUSED)
def test_a_refused_call_is_no_broken_gpu(raise_error: Callable[[], Exception]) -> None:
    assert not local_errors.is_device_broken(raise_error())


def test_a_build_without_code_for_the_gpu_says_so() -> None:
    mapped = local_errors.map_request_error(REFUSED[2](), "model")
    assert isinstance(mapped, ConfigurationError)
    assert "build" in mapped.message


@pytest.mark.parametrize("streamed", [False, True])
def test_a_broken_gpu_closes_all_its_models(models: list[str], streamed: bool) -> None:
    first, second = models
    assert generate(second)
    break_forward(first, BREAKING[0])
    for model in (first, first, second):
        with pytest.raises(ServerError, match="Restart the process") as caught:
            generate(model, streamed=streamed)
        assert "device-side assert" in caught.value.message
        assert "\n" not in caught.value.message
    assert unload() == 2
    assert generate(second)  # this device was no GPU


def test_requests_that_wait_are_told_too(models: list[str]) -> None:
    model = models[0]
    break_forward(model, BREAKING[1])

    async def main() -> list[Any]:
        async with fmsdk.AsyncClient(providers={"local": calls.EXACT}, retries=0) as client:
            return await asyncio.gather(
                *(client.generate(model, "Hi", **calls.GREEDY) for _ in range(5)),
                return_exceptions=True,
            )

    errors = asyncio.run(main())
    assert all(isinstance(error, ServerError) for error in errors)
    assert all("Restart the process" in str(error) for error in errors)
    assert len({id(error) for error in errors}) == 5


@pytest.mark.parametrize("raise_error", OUT_OF_MEMORY)
def test_after_a_lack_of_memory_the_model_goes_on(
    models: list[str], raise_error: Callable[[], Exception]
) -> None:
    network = break_forward(models[0], raise_error)
    with pytest.raises(OutOfMemory):
        generate(models[0])
    del network.forward
    assert generate(models[0])


@pytest.mark.parametrize("broken", ["empty_cache", "mem_get_info"])
def test_a_gpu_that_answers_nothing_raises_nothing_raw(
    models: list[str], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Every later call of CUDA fails with the first error: those of unloading, too."""

    def fail(*_: Any) -> None:
        raise BREAKING[0]()

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, broken, fail)
    monkeypatch.setattr(torch.cuda, "empty_cache", fail)
    if broken == "mem_get_info":
        calls.client().load(models[0])
        monkeypatch.setattr("fmsdk_local.text.model.require_cache_memory", fail)
    else:
        break_forward(models[0], BREAKING[0])
    with pytest.raises(FmsdkError, match="Restart the process"):
        generate(models[0])
    assert unload(models[0].removeprefix("local:")) == 1


def test_a_broken_gpu_takes_no_more_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fmsdk_local.engine.engine._broken_devices", {})
    error = BREAKING[0]()
    engine_module.close_device("cuda:1", error)
    engine_module.require_device("cuda:0", "model")
    with pytest.raises(ServerError, match=r"assert triggered.*Restart the process"):
        engine_module.require_device("cuda:1", "model")


def test_the_inference_thread_uses_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    chosen: list[tuple[str, int]] = []
    monkeypatch.setattr(
        torch.cuda, "set_device", lambda name: chosen.append((str(name), threading.get_ident()))
    )

    class Runner:
        def run(self, job: Any) -> None:
            job.emit(threading.get_ident())

    engine = engine_module.Engine(Runner(), name="model", device="cuda:1")

    async def main() -> list[Any]:
        return [item async for item in engine.submit(None)]

    (thread,) = asyncio.run(main())
    engine.close()
    assert chosen == [("cuda:1", thread)]


@pytest.mark.parametrize("ends", ["finished", "aborted", "failed"])
def test_a_stream_that_the_caller_keeps_does_not_keep_the_model(
    models: list[str], ends: str
) -> None:
    model = models[0]
    client = calls.client()
    client.load(model)
    path = Path(model.removeprefix("local:"))
    loaded = loader.find_loaded(path, LocalConfig(device="cpu", dtype="float32"))
    network = weakref.ref(loaded.engine.runner.model)
    del loaded
    if ends == "failed":
        break_forward(model, OUT_OF_MEMORY[0])
    stream = client.stream(model, "Hi", **calls.GREEDY)
    error: Exception | None = None
    try:
        with stream:
            for event in stream:
                if ends == "aborted" and isinstance(event, fmsdk.TextDelta):
                    break
    except OutOfMemory as caught:
        error = caught
    assert (error is not None) == (ends == "failed")
    gc.disable()
    try:
        unload(str(path))
        assert network() is None
    finally:
        gc.enable()
    assert stream.response is not None
