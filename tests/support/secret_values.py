"""Keys and media that nothing may show, and a call that holds all of them."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Callable
from typing import Any

import pytest

import fmsdk
from tests.support.paths import MEDIA
from tests.support.vendor_server import run_vendor_server


def _recording() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"hu" * 800)
    return file.getvalue()


PICTURE = (MEDIA / "blue_circle.png").read_bytes()
RECORDING = _recording()
KEY = "sk-hush-0123456789"
DATA_URL = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
SIGNED_URL = "https://user:pass-hush@example.com/cat.png?signature=sig-hush#frag-hush"
SECRETS = ("hush", DATA_URL[40:80], base64.b64encode(RECORDING).decode()[:40], repr(PICTURE)[2:40])


def assert_clean(*seen: object) -> None:
    for text in map(str, seen):
        for secret in SECRETS:
            assert secret not in text


def ask(way: str, **settings: Any) -> None:
    """Send every kind of secret to a server that speaks OpenAI's wire."""
    from fmsdk_openai.options import OpenAIOptions

    prompt = [
        "Look",
        fmsdk.Image(PICTURE),
        fmsdk.Image(DATA_URL),
        fmsdk.Image(SIGNED_URL),
        fmsdk.Audio(RECORDING),
    ]
    options = OpenAIOptions(
        verbosity="low", extra_headers={"X-Hush": "hush"}, extra_body={"metadata": {"a": "hush"}}
    )
    with run_vendor_server() as reached:
        provider = {"base_url": reached["OPENAI_BASE_URL"], "api_key": KEY, "api": "chat"}
        with fmsdk.Client(providers={"openai": provider}, retries=0, **settings) as client:
            call: Callable[..., Any] = getattr(client, way)
            if way == "generate":
                call("openai:gpt-audio-next", prompt, options=options)
                return
            # The server answers a stream with a whole body, which is an error.
            with (
                pytest.raises(fmsdk.FmsdkError),
                call("openai:gpt-audio-next", prompt, options=options) as stream,
            ):
                list(stream)
