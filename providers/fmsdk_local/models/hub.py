"""Checkpoints of the Hugging Face hub, in the hub's own cache (`HF_HOME`, `HF_HUB_CACHE`).

`fetch_snapshot` uses the network. Everything else reads the cache, whose layout is documented: a
folder `models--org--name` has `snapshots/<commit>/` and `refs/<branch>`, a file with the commit.
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
from fmsdk.files import read_small
from fmsdk.provider import Progress
from fmsdk_local.models.checkpoint import kind_of, require_safetensors
from fmsdk_local.models.extra import import_extra

__all__ = ["fetch_snapshot", "find_snapshot", "is_hub_id", "list_snapshots"]

_ID = re.compile(r"[\w.-]+/[\w.-]+(@[^@]+)?")
# The files of a checkpoint, without pickles: transformers' are called pytorch_model.bin.
# model.bin is CTranslate2's own format.
_FILES = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model", "*.tiktoken", "model.bin"]
_LONGEST_REVISION = 1000
_IGNORED_FILES = ["original/*", "onnx/*", "openvino/*", "consolidated*"]


def is_hub_id(name: str) -> bool:
    """Whether `name` has the form of a hub id, org/name[@revision]."""
    return _ID.fullmatch(name) is not None


def find_snapshot(name: str) -> Path:
    """The directory of the hub id `name` in the cache.

    Raises:
        ModelNotFound: it is not there, or incomplete.
    """
    errors = import_extra("huggingface_hub.errors")
    try:
        return _download_snapshot(name, local_files_only=True)
    except errors.IncompleteSnapshotError as error:
        raise ModelNotFound(
            f"{name} is incomplete on this machine: run `fmsdk models get {name}` to fetch the "
            "rest",
            model=name,
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise ModelNotFound(
            f"{name} is not on this machine: run `fmsdk models get {name}` to fetch it from the "
            f"hub. If you mean a directory, write ./{name}",
            model=name,
        ) from error


def list_snapshots() -> Iterator[tuple[str, Path]]:
    """(hub id, snapshot) of every model in the cache, at its default branch."""
    try:
        cache = Path(import_extra("huggingface_hub.constants").HF_HUB_CACHE)
    except MissingExtra:
        return
    for folder in sorted(cache.glob("models--*--*")):
        ref = folder / "refs" / "main"
        try:
            revision = read_small(ref, _LONGEST_REVISION).decode("utf-8").strip()
        except (OSError, ValueError):  # no default branch, or not a file of the hub's
            continue
        snapshot = folder / "snapshots" / revision
        yield folder.name.removeprefix("models--").replace("--", "/", 1), snapshot


def fetch_snapshot(name: str, progress: Progress) -> Path:
    """Download the files of the hub id `name` that are not in the cache yet.

    Raises:
        ModelNotFound: the hub has no such model or revision, or hides it without a token.
        PermissionDenied: its licence has to be accepted first.
        ConnectionFailed: the hub cannot be reached.
        CheckpointError: it has no safetensors.
        ConfigurationError: the environment's proxy or certificates cannot be used.
    """
    import httpx2

    from fmsdk.http.environment import environment_error

    try:
        path = _download_snapshot(name, tqdm_class=_progress_bar(progress))
    except (httpx2.HTTPError, ImportError, OSError, ValueError) as error:
        if (configuration_error := environment_error()) is not None:
            raise configuration_error from None
        if isinstance(error, (ImportError, ValueError)):
            raise
        raise _map_hub_error(error, name) from error
    if kind_of(path) != "whisper-ct2":
        require_safetensors(path)
    return path


def _download_snapshot(name: str, **arguments: Any) -> Path:
    repo, _, revision = name.partition("@")
    snapshot = import_extra("huggingface_hub").snapshot_download(
        repo,
        revision=revision or None,
        allow_patterns=_FILES,
        ignore_patterns=_IGNORED_FILES,
        **arguments,
    )
    return Path(snapshot)


def _map_hub_error(error: Any, name: str) -> FmsdkError:
    errors = import_extra("huggingface_hub.errors")
    status = error.response.status_code if isinstance(error, errors.HfHubHTTPError) else None
    if isinstance(error, errors.GatedRepoError):
        return PermissionDenied(
            f"{name} is gated: accept its licence on its page on the hub, and set HF_TOKEN",
            model=name,
            status=status,
        )
    if isinstance(error, (errors.RepositoryNotFoundError, errors.RevisionNotFoundError)):
        return ModelNotFound(
            f"the hub has no {name}; a private one needs HF_TOKEN", model=name, status=status
        )
    return ConnectionFailed(
        f"the hub cannot be reached for {name}: {type(error).__name__}. Check the network, the "
        "proxy, HF_ENDPOINT and HF_HUB_OFFLINE, or copy the checkpoint's directory to this "
        "machine and pass its path",
        model=name,
        status=status,
    )


def _progress_bar(progress: Progress) -> Any:
    """A tqdm class that draws nothing, and reports the bytes of all files together."""
    tqdm: Any = import_extra("tqdm").tqdm
    done = 0

    class Bar(tqdm):
        monitor_interval = 0  # no thread that outlives the download

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            tqdm.__init__(self, *args, **{**kwargs, "file": io.StringIO()})

        def display(self, *_: Any, **__: Any) -> None:
            # huggingface_hub has one bar for bytes received and one for bytes written: the larger.
            nonlocal done
            if self.unit == "B" and self.total:
                done = max(done, int(self.n))
                progress("download", done, int(self.total))

    return Bar
