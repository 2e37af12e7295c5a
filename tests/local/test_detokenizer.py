"""From tokens to text, one at a time, with characters cut into several tokens."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fmsdk_local.engine.detokenizer import Detokenizer
from tests.support.local import tiny_checkpoints

TOKENIZER = tiny_checkpoints.tokenizer()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def pieces(ids: list[int], skipped_ids: frozenset[int] = frozenset()) -> list[str]:
    detokenizer = Detokenizer(TOKENIZER.decode, skipped_ids)
    return [*(detokenizer.add_token(id) for id in ids), detokenizer.flush()]


@given(TEXTS)
@settings(deadline=None)
def test_the_pieces_are_the_text_and_no_character_is_cut(text: str) -> None:
    texts = pieces(TOKENIZER.encode(text, add_special_tokens=False))
    assert "".join(texts) == text
    assert not any("\ufffd" in piece for piece in texts if "\ufffd" not in text)


@given(st.lists(st.integers(4, len(TOKENIZER) - 1), max_size=40))
@settings(deadline=None)
def test_broken_bytes_come_out_as_the_tokenizer_reads_them(ids: list[int]) -> None:
    assert "".join(pieces(ids)) == TOKENIZER.decode(ids)


def test_a_character_of_several_tokens_comes_whole() -> None:
    ids = TOKENIZER.encode("é🦄", add_special_tokens=False)
    assert len(ids) > 2
    assert [piece for piece in pieces(ids) if piece] == ["é", "🦄"]


def test_hidden_tokens_have_no_text() -> None:
    end = TOKENIZER.eos_token_id
    assert isinstance(end, int)
    ids = [*TOKENIZER.encode("Paris", add_special_tokens=False), end]
    assert "".join(pieces(ids, frozenset({end}))) == "Paris"
    assert "".join(pieces(ids)) == "Paris" + tiny_checkpoints.END


def test_a_character_that_never_ends_comes_with_the_flush() -> None:
    first = TOKENIZER.encode("🦄", add_special_tokens=False)[:1]
    assert pieces(first) == ["", "\ufffd"]
