"""The one lock under which anything loads, unloads or converts weights.

transformers' loading is not thread-safe (huggingface/transformers#41782); reentrant, since
loading a GGUF file converts it first.
"""

from __future__ import annotations

import threading

__all__ = ["LOADING_LOCK"]

LOADING_LOCK = threading.RLock()
