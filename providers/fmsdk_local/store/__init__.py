"""Where local models are: the user's store, the hub's cache, the package itself, or a path.

`locate` and `available` look at the disk alone; only `fetch` uses the network.
"""

from __future__ import annotations

from fmsdk_local.store.download import fetch
from fmsdk_local.store.home import home
from fmsdk_local.store.listing import available
from fmsdk_local.store.names import locate

__all__ = ["available", "fetch", "home", "locate"]
