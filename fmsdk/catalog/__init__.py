"""What is known of models by name: what they take, until when they are served, who may run them.

From dated tables with sources (`fmsdk/data`), read on first use and kept; no network. A vendor is
called by its id in genai-prices ("openai", "anthropic", "google", "x-ai", …), and what is said of
a model holds at that vendor's own endpoint alone: the same name elsewhere may be cut down, or live
longer. Prices are `fmsdk.pricing`'s; what a server says of its models is its provider's to ask.
"""

from __future__ import annotations

from fmsdk.catalog.facts import ModelFacts, describes, facts, narrow
from fmsdk.catalog.licences import Licence, licence
from fmsdk.catalog.origin import Origin
from fmsdk.catalog.retirements import Retirement, announcements, retirement
from fmsdk.catalog.tombstones import Tombstone, tombstone

__all__ = [
    "Licence",
    "ModelFacts",
    "Origin",
    "Retirement",
    "Tombstone",
    "announcements",
    "describes",
    "facts",
    "licence",
    "narrow",
    "retirement",
    "tombstone",
]
