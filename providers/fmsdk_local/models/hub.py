"""Checkpoints of the Hugging Face hub, in the hub's own cache (`HF_HOME` and the like).

`fetch` asks the hub; everything else reads the cache, whose layout is documented: a folder
`models--org--name` has `snapshots/<commit>/` and `refs/<branch>`, a file with the commit.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fmsdk.errors import (
    ConnectionFailed,
    FmsdkError,
    MissingExtra,
    ModelNotFound,
    PermissionDenied,
)
from fmsdk.provider import Progress
from fmsdk_local.models.checkpoint import kind_of, require_safetensors
from fmsdk_local.models.extra import import_extra

__all__ = ["fetch_snapshot", "find_snapshot", "is_hub_id", "list_cached_ids", "list_snapshots"]

_ID = re.compile(r"[\w.-]+/[\w.-]+(@[^@]+)?")
# What a checkpoint needs, pickles never. model.bin is CTranslate2's format, which is none;
# transformers' pickles are called pytorch_model.bin.
_WANTED = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model", "*.tiktoken", "model.bin"]
_UNWANTED = ["original/*", "onnx/*", "openvino/*", "consolidated*"]


def is_hub_id(name: str) -> bool:
    """Whether `name` has the form of a hub id, org/name[@revision]."""
    return _ID.fullmatch(name) is not None


def find_snapshot(name: str) -> Path:
    """The snapshot of hub id `name` in the cache.

    Raises:
        ModelNotFound: it is not there, or only a part of it is.
    """
    errors = import_extra("huggingface_hub.errors")
    try:
        return _snapshot(name, local_files_only=True)
    except errors.IncompleteSnapshotError as error:
        raise ModelNotFound(
            f"only a part of {name} is here: run `fmsdk models get {name}` for the rest", model=name
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise ModelNotFound(
            f"{name} is not on this machine: run `fmsdk models get {name}` to fetch it from the "
            f"hub. A directory is written ./{name}",
            model=name,
        ) from error


def list_snapshots() -> Iterator[tuple[str, Path]]:
    """(hub id, snapshot) of every model in the cache, at its default branch."""
    cache = _cache()
    if cache is None or not cache.is_dir():
        return
    for folder in sorted(cache.glob("models--*--*")):
        ref = folder / "refs" / "main"
        if ref.is_file():
            snapshot = folder / "snapshots" / ref.read_text("utf-8").strip()
            yield folder.name.removeprefix("models--").replace("--", "/", 1), snapshot


def list_cached_ids() -> list[str]:
    """The ids of every model in the cache."""
    return [name for name, _ in list_snapshots()]


def fetch_snapshot(name: str, progress: Progress) -> Path:
    """Download hub id `name` into the cache, as far as it is not there yet.

    Raises:
        ModelNotFound: the hub has no such model or revision (or hides it without a token).
        PermissionDenied: its licence has to be accepted first.
        ConnectionFailed: the hub cannot be reached.
        CheckpointError: it has no safetensors.
    """
    import httpx2

    try:
        path = _snapshot(name, tqdm_class=_bar(progress))
    except (httpx2.HTTPError, OSError) as error:
        raise _translate(error, name) from error
    if kind_of(path) != "whisper-ct2":
        require_safetensors(path)
    return path


def _snapshot(name: str, **how: Any) -> Path:
    repo, _, revision = name.partition("@")
    found = import_extra("huggingface_hub").snapshot_download(
        repo,
        revision=revision or None,
        allow_patterns=_WANTED,
        ignore_patterns=_UNWANTED,
        **how,
    )
    return Path(found)


def _translate(error: Any, name: str) -> FmsdkError:
    errors = import_extra("huggingface_hub.errors")
    status = error.response.status_code if isinstance(error, errors.HfHubHTTPError) else None
    if isinstance(error, errors.GatedRepoError):
        return PermissionDenied(
            f"{name} is gated: accept its licence on its page of the hub, and set HF_TOKEN",
            model=name,
            status=status,
        )
    if isinstance(error, (errors.RepositoryNotFoundError, errors.RevisionNotFoundError)):
        return ModelNotFound(
            f"the hub has no {name}; a private one needs HF_TOKEN", model=name, status=status
        )
    return ConnectionFailed(
        f"the hub cannot be reached for {name}: {type(error).__name__}. Check the network, the "
        "proxy, HF_ENDPOINT and HF_HUB_OFFLINE, or copy the checkpoint's directory here and "
        "name its path",
        model=name,
        status=status,
    )


def _cache() -> Path | None:
    try:
        return Path(import_extra("huggingface_hub.constants").HF_HUB_CACHE)
    except MissingExtra:
        return None


def _bar(progress: Progress) -> Any:
    """A tqdm class that draws nothing and reports the bytes of all files together."""
    tqdm: Any = import_extra("tqdm").tqdm
    done = 0

    class Bar(tqdm):
        monitor_interval = 0  # no thread beside it that outlives the download

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            tqdm.__init__(self, *args, **{**kwargs, "file": io.StringIO()})

        def display(self, *_: Any, **__: Any) -> None:
            # The hub has a bar for bytes received and one for bytes written: the first to know.
            nonlocal done
            if self.unit == "B" and self.total:
                done = max(done, int(self.n))
                progress("download", done, int(self.total))

    return Bar
