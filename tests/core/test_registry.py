"""Finding providers, and saying what is wrong where there is none."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import fmsdk
from fmsdk import registry
from fmsdk.testing import FakeProvider


def test_an_unknown_provider_is_answered_with_the_nearest_names() -> None:
    with pytest.raises(fmsdk.UnknownProvider, match="did you mean openai") as caught:
        fmsdk.Client().generate("opnai:gpt-5", "Hi")
    assert "openai" in caught.value.nearest


def test_unknown_provider_in_the_configuration_is_refused_at_once() -> None:
    with pytest.raises(fmsdk.UnknownProvider, match="did you mean openai"):
        fmsdk.Client(providers={"opnai": {"api_key": "x"}})
    with pytest.raises(fmsdk.UnknownProvider, match="'wire': 'openai'"):
        fmsdk.Client(providers={"mine": {"base_url": "http://localhost:8000/v1"}})


@pytest.mark.parametrize("url", ["http://[::1", "ftp://example.com", "not a url"])
def test_an_invalid_base_url_is_one_clear_error(url: str) -> None:
    client = fmsdk.Client(providers={"openai": {"base_url": url, "api_key": "k"}})
    with pytest.raises(fmsdk.BadRequestError, match="base_url"):
        client.generate("openai:x", "Hi")


def test_a_missing_extra_names_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("fake", "no_such_sdk:Provider [fancy]", registry.GROUP)
    monkeypatch.setattr(registry, "installed_providers", lambda: {"fake": point})
    with pytest.raises(fmsdk.MissingExtra, match=r"pip install 'fmsdk\[fancy\]'") as caught:
        fmsdk.Client().generate("fake:x", "Hi")
    assert caught.value.extra == "fancy"
    (listed,) = registry.usable_models()
    assert not listed.usable
    assert "pip install" in listed.note


def test_a_provider_of_another_contract_is_refused() -> None:
    class Old:
        """As a provider of version 1 was: no base class, and a number of its own."""

        contract_version = 1

    with pytest.raises(
        fmsdk.ConfigurationError,
        match=r"'fake' was written for version 1 of .* this fmsdk has version 2. Upgrade",
    ):
        fmsdk.Client(providers={"fake": Old()}).generate("fake:x", "Hi")  # type: ignore[dict-item]


def test_object_that_is_no_provider_is_refused() -> None:
    class Alike:
        contract_version = 2

    with pytest.raises(fmsdk.ConfigurationError, match=r"no fmsdk.provider.Provider but a Alike"):
        fmsdk.Client(providers={"fake": Alike()}).generate("fake:x", "Hi")  # type: ignore[dict-item]


def test_a_package_that_imports_the_names_of_version_1_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "written_for_1.py").write_text("from fmsdk.provider import FetchesModels")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("fake", "written_for_1:Provider", registry.GROUP)
    monkeypatch.setattr(registry, "installed_providers", lambda: {"fake": point})
    with pytest.raises(fmsdk.ConfigurationError, match="another version of fmsdk's provider"):
        fmsdk.Client().generate("fake:x", "Hi")
    (listed,) = registry.usable_models()
    assert not listed.usable


def test_providers_are_kept_for_a_loop_and_closed_with_the_client() -> None:
    provider = FakeProvider()

    async def main() -> None:
        async with fmsdk.AsyncClient(providers={"fake": provider}) as client:
            await client.generate("fake:x", "Hi")
            assert not provider.closed

    asyncio.run(main())
    assert provider.closed


def test_importing_fmsdk_loads_nothing_heavy() -> None:
    heavy = (
        "openai anthropic google.genai torch transformers numpy PIL pydantic "
        "httpx httpx2 httpcore httpcore2 requests urllib3 aiohttp genai_prices tinytag"
    )
    program = (
        "import sys, fmsdk; fmsdk.Client(); "
        f"print([name for name in {heavy.split()!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
