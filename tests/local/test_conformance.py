"""What every provider promises, promised by this one: for text and for pictures."""

from __future__ import annotations

import pytest

import fmsdk
from fmsdk.provider import ProviderConfig
from fmsdk.testing.conformance import ProviderConformance, Subject
from fmsdk_local import LocalProvider
from tests.local.conftest import CheckpointFactory
from tests.support.local import calls


def create_provider() -> LocalProvider:
    return LocalProvider(ProviderConfig(name="local", options=calls.EXACT))


class TestText(ProviderConformance):
    @pytest.fixture
    def subject(self, tiny_checkpoint: CheckpointFactory) -> Subject:
        return Subject(
            make=create_provider, model=str(tiny_checkpoint("llama")), settings=calls.GREEDY
        )


class TestPictures(ProviderConformance):
    @pytest.fixture
    def subject(self, tiny_checkpoint: CheckpointFactory) -> Subject:
        prompt = ["What is it?", fmsdk.Image(calls.picture())]
        return Subject(
            make=create_provider,
            model=str(tiny_checkpoint("llava")),
            prompt=prompt,
            settings=calls.GREEDY,
        )
