"""Facts on models by name: what they accept, until when they are served, who may run them.

The facts come from dated tables with sources (`fmsdk/data`), which are read on first use; there is
no network access. A vendor's name is its id in genai-prices ("openai", "anthropic", "google",
"x-ai", …). A fact holds for that vendor's own models: on a server under another name, the name of
a model may mean anything. Prices are in `fmsdk.pricing`; what a server lists is asked by its
provider.
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
