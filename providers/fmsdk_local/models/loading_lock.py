"""The one lock for loading, unloading and converting weights.

transformers' loading is not thread-safe (huggingface/transformers#41782). The lock is reentrant,
since loading a GGUF file converts it first.
"""

from __future__ import annotations

import threading

__all__ = ["LOADING_LOCK"]

LOADING_LOCK = threading.RLock()
