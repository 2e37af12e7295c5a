"""What is published is the wheel, so the wheel is what must hold everything, and no more."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"fmsdk", "fmsdk_anthropic", "fmsdk_google", "fmsdk_local", "fmsdk_openai"}
NEEDED = [
    "fmsdk/py.typed",
    "fmsdk_anthropic/py.typed",
    "fmsdk_google/py.typed",
    "fmsdk_local/py.typed",
    "fmsdk_openai/py.typed",
    "fmsdk/cli/__init__.py",
    "fmsdk/data/device_prices.json",
    "fmsdk/data/models.json",
    "fmsdk_anthropic/provider.py",
    "fmsdk_google/provider.py",
    "fmsdk/testing/conformance.py",
    "fmsdk_openai/provider.py",
    "fmsdk_local/provider.py",
    "fmsdk_local/demo_vision/model.safetensors",
    "fmsdk_local/demo_vision/README.md",
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_packages_and_their_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        size = sum(info.compress_size for info in archive.infolist())
    assert [name for name in NEEDED if name not in names] == []
    roots = {name.partition("/")[0] for name in names}
    assert roots == {*PACKAGES, f"fmsdk-{_version()}.dist-info"}
    assert size < 10 * 2**20


def test_the_wheel_works_where_the_repository_is_not(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    program = (
        "import fmsdk, fmsdk.registry as registry\n"
        "from fmsdk.testing import FakeProvider\n"
        "client = fmsdk.Client(providers={'fake': FakeProvider()})\n"
        "print(fmsdk.__file__)\n"
        "print(client.generate('fake:any', 'Hello').text, sorted(registry.installed_providers()))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    where, said = done.stdout.splitlines()
    assert where.startswith(str(site))
    assert said.startswith("Hello ['anthropic', 'azure', 'copilot', ")


def _version() -> str:
    from importlib.metadata import version

    return version("fmsdk")
