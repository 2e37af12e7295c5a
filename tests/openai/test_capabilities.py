"""What OpenAI's table says of its models counts at OpenAI's own host, and nowhere else."""

from __future__ import annotations

import pytest

import fmsdk
from fmsdk.provider import Capabilities
from fmsdk_openai import OpenAIProvider


def capabilities(model: str, **options: str) -> Capabilities:
    config = fmsdk.ProviderConfig(name="openai", options={"api_key": "k", **options})
    return OpenAIProvider(config).capabilities(model)


@pytest.fixture(autouse=True)
def no_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def test_at_openai_a_model_takes_what_the_table_says() -> None:
    model = capabilities("gpt-5-mini-2025-08-07")
    assert model.known
    assert model.input == {"text", "image", "document"}
    assert not model.settings & {"temperature", "top_p", "logprobs"}
    assert (model.context, model.max_output) == (400_000, 128_000)
    assert capabilities("o3-mini").input == {"text"}
    assert capabilities("gpt-audio").output == {"text", "audio"}


def test_pictures_that_openai_refuses_are_made_to_fit() -> None:
    limits = capabilities("gpt-5.6-sol").image_limits
    assert limits is not None
    assert limits.max_patches == 30_000
    assert capabilities("gpt-4.1").image_limits is None
    assert capabilities("gpt-5.6-sol", base_url="https://gateway.example/v1").image_limits is None


def test_undescribed_model_has_all_capabilities_of_the_wire() -> None:
    model = capabilities("gpt-99")
    assert not model.known
    assert {"text", "image", "audio", "document"} <= model.input


def test_a_gateway_has_the_vendors_models_and_no_server_of_another_name() -> None:
    model = capabilities("o3-mini", base_url="https://gateway.example/v1")
    assert model.known
    assert "image" not in model.input


def test_a_retired_model_never_reaches_openai() -> None:
    client = fmsdk.Client(providers={"openai": {"api_key": "k"}})
    with client, pytest.raises(fmsdk.ModelRetired, match=r"2026-10-23.*openai:gpt-5\.6-sol"):
        client.generate("openai:gpt-4", "Hi")
