"""From names to paths, the models on disk, and the kinds of checkpoints. No network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from fmsdk.errors import CheckpointError, ModelNotFound
from fmsdk_local import models
from fmsdk_local.models.checkpoint import input_modalities, kind_of, require_safetensors

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
LLAVA = {
    "architectures": ["LlavaForConditionalGeneration"],
    "model_type": "llava",
    "vision_config": {},
}


@pytest.fixture(autouse=True)
def store_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store, a hub cache and a working directory of the test's own."""
    monkeypatch.setenv("FMSDK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


def checkpoint(path: Path, config: dict[str, Any], *files: str) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config))
    for file in files:
        (path / file).write_bytes(b"")
    return path


def in_hub_cache(tmp_path: Path, name: str, config: dict[str, Any], *files: str) -> Path:
    folder = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    return checkpoint(folder / "snapshots" / COMMIT, config, *files)


class TestStoreDirectory:
    def test_events_arrive_in_order(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        assert models.store_directory() == tmp_path / "home"
        monkeypatch.setenv("FMSDK_HOME", "~/models")
        assert models.store_directory() == Path.home() / "models"
        monkeypatch.delenv("FMSDK_HOME")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert models.store_directory() == tmp_path / "fmsdk"
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert models.store_directory() == Path.home() / ".cache" / "fmsdk"


class TestLocateModel:
    def test_a_named_model_that_is_not_here_says_how_to_get_it(self) -> None:
        with pytest.raises(ModelNotFound, match="fmsdk models get demo-text"):
            models.locate_model("demo-text")

    def test_a_named_model(self, store_home: Path) -> None:
        path = checkpoint(store_home / "models" / "demo-text-0.1.2", LLAMA)
        assert models.locate_model("demo-text") == path

    def test_another_version_of_a_named_model_is_not_accepted(self, store_home: Path) -> None:
        checkpoint(store_home / "models" / "demo-text-0.0.9", LLAMA)
        with pytest.raises(ModelNotFound):
            models.locate_model("demo-text")

    def test_misspelt_name_suggests_the_nearest(self) -> None:
        with pytest.raises(ModelNotFound, match="Did you mean demo-text"):
            models.locate_model("demo-txt")

    @pytest.mark.parametrize("form", ["./mine", "mine", "{cwd}/mine", "~/mine"])
    def test_paths(self, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(Path.cwd()))
        checkpoint(Path("mine"), LLAMA)
        assert models.locate_model(form.format(cwd=Path.cwd())).samefile("mine")

    def test_a_gguf_file(self) -> None:
        Path("small.gguf").write_bytes(b"GGUF")
        assert models.locate_model("small.gguf") == Path("small.gguf")

    def test_a_missing_path_names_its_neighbours(self) -> None:
        checkpoint(Path("llava-small"), LLAVA)
        with pytest.raises(ModelNotFound, match="Did you mean llava-small"):
            models.locate_model("./llava-smal")

    def test_a_file_that_is_no_checkpoint(self) -> None:
        Path("model.safetensors").write_bytes(b"")
        with pytest.raises(ModelNotFound, match="give the directory"):
            models.locate_model("./model.safetensors")

    def test_a_directory_in_the_store(self, store_home: Path) -> None:
        path = checkpoint(store_home / "models" / "mine", LLAMA)
        assert models.locate_model("mine") == path

    def test_a_hub_id_in_the_cache(self, tmp_path: Path) -> None:
        snapshot = in_hub_cache(tmp_path, "org/tiny", LLAMA, "model.safetensors")
        assert models.locate_model("org/tiny") == snapshot
        assert models.locate_model(f"org/tiny@{COMMIT}") == snapshot
        with pytest.raises(ModelNotFound, match="fmsdk models get org/tiny@v2"):
            models.locate_model("org/tiny@v2")

    def test_a_hub_id_that_is_not_here(self) -> None:
        with pytest.raises(ModelNotFound, match="fmsdk models get org/other"):
            models.locate_model("org/other")

    def test_a_directory_wins_over_a_hub_id(self, tmp_path: Path) -> None:
        in_hub_cache(tmp_path, "org/tiny", LLAMA, "model.safetensors")
        checkpoint(Path("org/tiny"), LLAMA)
        assert models.locate_model("org/tiny") == Path("org/tiny")


class TestKindOf:
    @pytest.mark.parametrize(
        ("config", "kind", "takes"),
        [
            (LLAMA, "causal", {"text"}),
            ({"architectures": ["GPT2LMHeadModel"]}, "causal", {"text"}),
            (LLAVA, "multimodal", {"text", "image"}),
            ({"audio_config": {}, "model_type": "qwen2_audio"}, "multimodal", {"text", "audio"}),
            ({"thinker_config": {}}, "multimodal", {"text", "image", "audio"}),
            ({"model_type": "whisper"}, "whisper", {"audio"}),
            ({"architectures": ["ViTForImageClassification"]}, "image-classifier", {"image"}),
            ({"architectures": ["T5ForConditionalGeneration"]}, "unknown", set()),
            ({"architectures": []}, "unknown", set()),
            ({}, "unknown", set()),
        ],
    )
    def test_options_by_configuration(
        self, config: dict[str, Any], kind: str, takes: set[str]
    ) -> None:
        path = checkpoint(Path("model"), config)
        assert kind_of(path) == kind
        assert input_modalities(path) == takes

    def test_ctranslate2(self) -> None:
        path = checkpoint(Path("model"), {"alignment_heads": [], "lang_ids": []}, "model.bin")
        assert kind_of(path) == "whisper-ct2"

    def test_gguf(self) -> None:
        assert kind_of(Path("some.GGUF")) == "gguf"
        assert input_modalities(Path("some.gguf")) == {"text"}

    @pytest.mark.parametrize("text", [None, "", "[1]", "{"])
    def test_broken_answers(self, text: str | None) -> None:
        Path("model").mkdir()
        if text is not None:
            Path("model/config.json").write_text(text)
        assert kind_of(Path("model")) == "unknown"

    def test_safetensors_are_required(self) -> None:
        require_safetensors(checkpoint(Path("good"), LLAMA, "model.safetensors", "old.bin"))
        with pytest.raises(CheckpointError, match=r"pickle \(pytorch_model\.bin\)"):
            require_safetensors(checkpoint(Path("pickle"), LLAMA, "pytorch_model.bin"))
        with pytest.raises(CheckpointError, match="no weights"):
            require_safetensors(checkpoint(Path("empty"), LLAMA))


class TestListUsableModels:
    def test_everything_on_the_disk(self, store_home: Path, tmp_path: Path) -> None:
        checkpoint(store_home / "models" / "demo-text-0.1.2", LLAMA)
        checkpoint(store_home / "models" / "mine", LLAVA, "model.safetensors")
        in_hub_cache(tmp_path, "org/tiny", LLAMA, "model.safetensors")
        in_hub_cache(tmp_path, "org/pickled", LLAMA, "pytorch_model.bin")
        in_hub_cache(tmp_path, "org/encoder", {"architectures": ["BertModel"]})
        rows = {row.name: row for row in models.list_usable_models()}
        assert rows["local:demo-text"].usable
        assert not rows["local:demo-audio"].usable
        assert "fmsdk models get demo-audio" in rows["local:demo-audio"].note
        assert rows["local:demo-audio"].input == {"audio"}
        assert rows["local:mine"].usable
        assert rows["local:mine"].input == {"text", "image"}
        assert rows["local:org/tiny"].usable
        assert not rows["local:org/pickled"].usable
        assert "pickle" in rows["local:org/pickled"].note
        assert rows.keys() == {
            *("local:demo-text", "local:demo-vision", "local:demo-audio"),
            *("local:mine", "local:org/tiny", "local:org/pickled"),
        }

    @pytest.mark.parametrize(
        "config",
        [
            b"",
            b"\xff\xfe{",
            b"[" * 100_000,
            b'{"architectures": 5}',
            b'{"architectures": ["LlavaForConditionalGeneration"], "vision_config": "no"}',
            b'{"a": ' + b"9" * 5000 + b"}",
            "pipe",
            "loop",
            "folder",
        ],
        ids=str,
    )
    def test_a_hostile_folder_does_not_hide_the_others(
        self, store_home: Path, config: bytes | str
    ) -> None:
        store = store_home / "models"
        checkpoint(store / "mine", LLAMA, "model.safetensors")
        hostile = store / "hostile\x1b[2J"
        hostile.mkdir()
        file = hostile / "config.json"
        if config == "pipe":
            os.mkfifo(file)
        elif config == "loop":
            file.symlink_to(file)
        elif config == "folder":
            file.mkdir()
        else:
            assert isinstance(config, bytes)
            file.write_bytes(config)
        rows = {row.name: row for row in models.list_usable_models()}
        assert rows["local:mine"].usable
        assert not any(row.usable for name, row in rows.items() if "hostile" in name)

    def test_needs_no_heavy_import(self) -> None:
        code = (
            "import sys\nfrom fmsdk_local import models\nmodels.list_usable_models()\n"
            "heavy = {'torch', 'transformers', 'numpy', 'httpx2', 'faster_whisper'}\n"
            "print(sorted(heavy & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"
