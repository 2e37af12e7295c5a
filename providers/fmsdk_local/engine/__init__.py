"""Inference by token ids: one thread for a model, its queue, its device, its token loop.

Knows no messages and no requests: those are `fmsdk_local.encode`'s and `fmsdk_local.decode`'s.
"""

from __future__ import annotations

from fmsdk_local.engine.engine import Engine, Job, Runner

__all__ = ["Engine", "Job", "Runner"]
