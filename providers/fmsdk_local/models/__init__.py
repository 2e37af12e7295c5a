"""Checkpoints on this machine: find them, fetch them, load them, unload them.

A checkpoint is in the user's store, in the hub's cache, in this package, or at a path.
`locate_model` and `list_usable_models` look at the disk alone; only `fetch_model` uses the
network. `fmsdk_local.models.loader` loads checkpoints and imports torch.
"""

from __future__ import annotations

from fmsdk_local.models.directories import store_directory
from fmsdk_local.models.fetch import fetch_model
from fmsdk_local.models.listing import list_usable_models
from fmsdk_local.models.names import locate_model

__all__ = ["fetch_model", "list_usable_models", "locate_model", "store_directory"]
