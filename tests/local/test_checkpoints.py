"""Checkpoints that are broken, incomplete, too large or not to be trusted: one clear error each."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from fmsdk.errors import CheckpointError, ConfigurationError, OutOfMemory
from fmsdk.provider import Capabilities, ProviderConfig
from fmsdk_local import LocalProvider, unload
from fmsdk_local.models.capabilities import capabilities_of
from fmsdk_local.models.chat_template import read_chat_template, template_names
from fmsdk_local.models.weights import read_tensors
from fmsdk_local.options import LocalConfig
from tests.local.conftest import CheckpointFactory
from tests.support.lazy_import import LazyModule, safetensors_torch, torch
from tests.support.local import calls, tiny_checkpoints

checkpoint_loader = LazyModule("fmsdk_local.models.loader")
CONFIG = LocalConfig(device="cpu", dtype="float32")


@pytest.fixture
def copy(tiny_checkpoint: CheckpointFactory, tmp_path: Path) -> Path:
    """A copy of the llama checkpoint, for a test to damage."""
    return Path(shutil.copytree(tiny_checkpoint("llama"), tmp_path / "model"))


def load_error(path: Path, config: LocalConfig = CONFIG) -> str:
    with pytest.raises(CheckpointError) as caught:
        checkpoint_loader.load_model("local:model", path, config)
    assert checkpoint_loader.find_loaded(path, config) is None
    return caught.value.message


def edit(file: Path, **changes: Any) -> None:
    content = json.loads(file.read_text("utf-8"))
    content.update(changes)
    file.write_text(json.dumps(content), "utf-8")


def test_no_configuration(copy: Path) -> None:
    (copy / "config.json").unlink()
    assert "config.json" in load_error(copy)


def test_no_tokenizer(copy: Path) -> None:
    for file in copy.glob("tokenizer*"):
        file.unlink()
    assert "tokenizer" in load_error(copy)


def test_no_weights(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    assert "safetensors" in load_error(copy)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "consolidated.00.pth"])
def test_a_pickle_is_refused_and_never_opened(copy: Path, name: str, tmp_path: Path) -> None:
    (copy / "model.safetensors").unlink()
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (trap,))

    torch.save({"weight": Trap()}, copy / name)
    message = load_error(copy)
    assert "pickle" in message
    assert "safetensors" in message
    assert not trap.exists()


@pytest.mark.parametrize("size", [0, 4, 100, -1])
def test_truncated_weights(copy: Path, size: int) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:size])
    message = load_error(copy)
    assert "truncated" in message
    assert str(file) in message


@pytest.mark.parametrize("header", [b"{}{}", b"[]", b'{"x": {"dtype": "F32"}}', b"\xff\xfe\xfd"])
def test_invalid_weights(copy: Path, header: bytes) -> None:
    content = len(header).to_bytes(8, "little") + header
    (copy / "model.safetensors").write_bytes(content)
    assert "header is broken" in load_error(copy)


def test_a_header_of_gigabytes_is_not_read(copy: Path) -> None:
    with (copy / "model.safetensors").open("wb") as file:
        file.write((6 << 30).to_bytes(8, "little"))
        file.truncate(7 << 30)  # a file with a hole: it takes no disk
    assert "header announces 6,442,450,944 bytes" in load_error(copy)


def test_missing_shards_are_named(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    message = load_error(copy)
    assert "model-00002-of-00002.safetensors" in message
    assert "1 of 2" in message


def test_shards_are_read_together(tiny_checkpoint: CheckpointFactory, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    path = Path(shutil.copytree(tiny_checkpoint("llama"), tmp_path / "sharded"))
    model: Any = AutoModelForCausalLM.from_pretrained(path)
    (path / "model.safetensors").unlink()
    model.save_pretrained(path, max_shard_size="50KB")
    assert len(list(path.glob("model-*.safetensors"))) > 1
    assert {t.name for t in read_tensors(path)} == {
        t.name for t in read_tensors(tiny_checkpoint("llama"))
    }
    assert (
        calls.client().generate(f"local:{path}", "Hi", **calls.GREEDY).text
        == calls.client().generate(f"local:{tiny_checkpoint('llama')}", "Hi", **calls.GREEDY).text
    )


def test_weights_that_lack_a_layer_are_not_filled_with_random_numbers(copy: Path) -> None:
    file = copy / "model.safetensors"
    tensors = {
        name: tensor
        for name, tensor in safetensors_torch.load_file(file).items()
        if "layers.1." not in name
    }
    safetensors_torch.save_file(tensors, file, metadata={"format": "pt"})
    message = load_error(copy)
    assert "lacks 9 weights" in message
    assert "layers.1" in message


def test_weights_of_another_shape(copy: Path) -> None:
    edit(copy / "config.json", hidden_size=64)
    assert "local:model" in load_error(copy)


def test_an_unknown_architecture(copy: Path) -> None:
    edit(copy / "config.json", model_type="from-the-future")
    assert "from-the-future" in load_error(copy)


def test_a_classifier_generates_no_text(copy: Path) -> None:
    edit(copy / "config.json", architectures=["ViTForImageClassification"], model_type="vit")
    assert "ViTForImageClassification" in load_error(copy)


def test_code_in_a_checkpoint_is_run_by_permission_alone(copy: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (copy / "modeling_own.py").write_text(
        textwrap.dedent(f"""
            from pathlib import Path
            from transformers import LlamaConfig, LlamaForCausalLM
            Path({str(mark)!r}).touch()
            class OwnConfig(LlamaConfig):
                model_type = "own"
            class OwnForCausalLM(LlamaForCausalLM):
                config_class = OwnConfig
        """)
    )
    code = {
        "AutoConfig": "modeling_own.OwnConfig",
        "AutoModelForCausalLM": "modeling_own.OwnForCausalLM",
    }
    edit(copy / "config.json", model_type="own", architectures=["OwnForCausalLM"], auto_map=code)
    message = load_error(copy)
    assert "trust_remote_code=True" in message
    assert not mark.exists()
    trusting = LocalConfig(device="cpu", dtype="float32", trust_remote_code=True)
    model = checkpoint_loader.load_model("local:model", copy, trusting)
    assert mark.exists()
    assert model.context == tiny_checkpoints.CONTEXT


def test_a_model_too_large_for_the_device(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fmsdk_local.engine import device

    monkeypatch.setattr(device, "free_memory", lambda _: 1000)
    with pytest.raises(OutOfMemory, match="free") as caught:
        checkpoint_loader.load_model("local:model", copy, CONFIG)
    assert not caught.value.retryable


def test_a_device_that_is_not_there(copy: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ConfigurationError, match="cuda"):
        checkpoint_loader.load_model("local:model", copy, LocalConfig(device="cuda"))


def test_concurrent_loads_load_once(copy: Path) -> None:
    stages: list[str] = []

    def report(stage: str, done: int | None, total: int | None) -> None:
        if done is None:
            stages.append(stage)

    models: list[Any] = []
    config = LocalConfig(device="cpu", dtype="float32", progress=report)
    load = checkpoint_loader.load_model
    threads = [
        threading.Thread(target=lambda: models.append(load("local:model", copy, config)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(models) == 6
    assert all(model is models[0] for model in models)
    assert stages == ["load"]


def test_unloading_frees_the_model_and_it_loads_again(copy: Path) -> None:
    model = f"local:{copy}"
    before = calls.client().generate(model, "Hi", **calls.GREEDY)
    assert before.latency.load is not None
    assert before.latency.load > 0
    assert calls.client().generate(model, "Hi", **calls.GREEDY).latency.load == 0
    assert unload(str(copy)) == 1
    assert unload(str(copy)) == 0
    after = calls.client().generate(model, "Hi", **calls.GREEDY)
    assert after.text == before.text
    assert after.latency.load is not None
    assert after.latency.load > 0


def test_loading_reports_its_progress(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    steps: list[tuple[str, int | None, int | None]] = []
    config = LocalConfig(device="cpu", dtype="float32", progress=lambda *step: steps.append(step))
    checkpoint_loader.load_model("local:model", copy, config)
    assert steps[0] == ("load", None, None)
    stage, done, total = steps[-1]
    assert stage == "load"
    assert done == total
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("llama", {"input": {"text"}, "tools": True, "system": True, "reasoning": True}),
        ("base", {"input": {"text"}, "tools": False, "system": False, "reasoning": False}),
        (
            "llava",
            {"input": {"text", "image"}, "tools": False, "system": True, "reasoning": False},
        ),
        (
            "gemma3",
            {"input": {"text", "image"}, "tools": False, "system": True, "reasoning": False},
        ),
    ],
)
def test_capabilities_are_read_from_small_files(
    tiny_checkpoint: CheckpointFactory, name: str, expected: dict[str, Any]
) -> None:
    capabilities = capabilities_of(tiny_checkpoint(name))
    assert capabilities.input == expected["input"]
    assert capabilities.tools == expected["tools"]
    assert capabilities.system == expected["system"]
    assert ("reasoning" in capabilities.settings) == expected["reasoning"]
    assert capabilities.context == tiny_checkpoints.CONTEXT
    assert capabilities.structured is False
    assert "choices" not in capabilities.settings


def test_provider_reports_the_same_capabilities(tiny_checkpoint: CheckpointFactory) -> None:
    provider = LocalProvider(ProviderConfig(name="local"))
    capabilities = provider.capabilities(str(tiny_checkpoint("llama")))
    assert capabilities == capabilities_of(tiny_checkpoint("llama"))
    assert isinstance(capabilities, Capabilities)


@pytest.mark.parametrize("file", ["chat_template.json", "tokenizer_config.json"])
def test_templates_of_older_layouts_are_found(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text(json.dumps({"chat_template": "{{ messages }}"}))
    assert read_chat_template(tmp_path) == "{{ messages }}"
    templates = [{"name": "tool_use", "template": "no"}, {"name": "default", "template": "yes"}]
    (tmp_path / file).write_text(json.dumps({"chat_template": templates}))
    assert read_chat_template(tmp_path) == "yes"


def test_template_variables_are_read_from_code_only() -> None:
    template = "Use tools! {% if system %}{{ 'enable_thinking' + role }}{% endif %}"
    assert {"system", "role"} <= template_names(template)
    assert not {"tools", "enable_thinking"} & template_names(template)
    assert template_names(None) == frozenset()


def test_importing_needs_no_torch() -> None:
    code = (
        "import sys, fmsdk_local; fmsdk_local.LocalProvider.usable_models();"
        "print([name for name in ('torch', 'transformers', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_leaving_the_interpreter_in_the_middle_of_an_answer_is_quiet(
    tiny_checkpoint: CheckpointFactory,
) -> None:
    model = f"local:{tiny_checkpoint('vast')}"
    code = f"""
        import fmsdk
        client = fmsdk.Client()
        stream = client.stream("{model}", "Hi", max_output_tokens=10**6).__enter__()
        next(iter(stream))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
