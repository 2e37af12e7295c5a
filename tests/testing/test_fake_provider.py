"""The fake provider keeps every provider's promises too."""

from __future__ import annotations

from typing import Any

import pytest

import fmsdk
from fmsdk.testing import FakeProvider
from fmsdk.testing.conformance import ProviderConformance, Subject


class Strict(FakeProvider):
    """Takes text and images, and no options."""

    def __init__(self) -> None:
        super().__init__(
            capabilities=fmsdk.Capabilities(input=frozenset({"text", "image"})), delay=0.001
        )

    async def generate(self, request: fmsdk.Request) -> fmsdk.Response[Any]:
        if request.options is not None:
            raise fmsdk.BadRequestError("the fake provider has no options")
        return await super().generate(request)


class TestFakeProvider(ProviderConformance):
    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(make=Strict, model="any", prompt="one two three", embedding_model="any")
