"""Recorded answers with bytes changed at random: whatever comes, decoding ends in an answer or in
one typed error, never in a bare exception of something underneath.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from fmsdk.errors import FmsdkError
from fmsdk.hosted.decoding import StreamReader
from fmsdk.hosted.provider import HostedProvider
from fmsdk.provider import ProviderConfig
from fmsdk.registry import installed_providers
from fmsdk.request import build
from tests.support.hosted.replay import EXPECTED, ROWS, asker, is_streamed
from tests.support.hosted.subjects import Subject
from tests.support.shared_folder import needs_shared
from tests.support.tally import count

pytestmark = needs_shared
ANSWERED = [name for name in ROWS if EXPECTED[name]["status"] == 200]
TRIES = 150
SWAPS = [
    (b'"', b""),
    (b":", b":null,"),
    (b"{", b"["),
    (b"true", b"1"),
    (b"null", b"[]"),
    (b"[", b"{"),
    (b'":"', b'":{"a":"'),
    (b"0", b"-1e999"),
    (b"1", b'"1"'),
    (b"text", b"image"),
    (b"id", b"error"),
]


def provider(subject: Subject) -> HostedProvider[Any, Any]:
    options = subject.configured("http://localhost")[subject.provider]
    made = installed_providers()[str(options.get("wire", subject.provider))].load()
    return made(ProviderConfig(name=subject.provider, options=options))


def mutated(body: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(body))
        until = min(len(body), at + chance.choice((1, 1, 2, 9, 80)))
        old, new = chance.choice(SWAPS)
        place = body.find(old, at)
        body = (
            chance.choice(
                (
                    body[:at] + body[until:],
                    body[:at] + chance.randbytes(until - at) + body[until:],
                    body[:at] + body[at:until] * 2 + body[until:],
                    body[:at],
                    body if place < 0 else body[:place] + new + body[place + len(old) :],
                    body if place < 0 else body[:place] + new + body[place + len(old) :],
                )
            )
            or b"x"
        )
    return body


@pytest.mark.parametrize("name", ANSWERED)
def test_changed_bytes_end_in_an_answer_or_a_typed_error(name: str) -> None:
    subject, chance = asker(name), random.Random(name)
    asked, request = provider(subject), build(subject.model, "Hello")
    streamed = is_streamed(ROWS[name])
    encoded = asked.encode(request, stream=streamed)
    whole = ROWS[name]["response_body"].encode()
    unsupported_names = 0
    for _ in range(TRIES):
        answer, body = asked.context(request, encoded, None), mutated(whole, chance)
        try:
            if streamed:
                reader = StreamReader(asked.decoder(answer), asked.error_mapper)
                for chunk in (body[: len(body) // 2], body[len(body) // 2 :]):
                    reader.feed(chunk)
                    reader.raise_error()
                list(reader.finish())
            else:
                asked.decode(answer, body)
        except FmsdkError:
            unsupported_names += 1
        except Exception as error:
            raise AssertionError(f"untyped, for {body!r}") from error
    count("recorded answers changed at random", TRIES)
    assert unsupported_names > 0
