"""Inference on token ids: a model's thread and queue, its device, its token loop.

It knows neither messages nor requests: see `fmsdk_local.encode` and `fmsdk_local.decode`.
"""

from __future__ import annotations

from fmsdk_local.engine.engine import Engine, Runner
from fmsdk_local.engine.job import Job

__all__ = ["Engine", "Job", "Runner"]
