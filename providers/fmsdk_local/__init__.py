"""Open weights in this process: `local:demo-text`, `local:./checkpoint`, `local:org/name`.

Importing this needs neither torch nor transformers; making a `LocalProvider` does.
"""

from __future__ import annotations

from fmsdk_local.options import LocalConfig, LocalOptions
from fmsdk_local.provider import LocalProvider, unload

__all__ = ["LocalConfig", "LocalOptions", "LocalProvider", "unload"]
