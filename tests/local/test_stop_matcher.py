"""Stop strings in a text that arrives in any pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmsdk_local.engine.stop_matcher import StopMatcher

LETTERS = st.text("abc", max_size=30)
STOPS = st.lists(st.text("abc", min_size=1, max_size=4), max_size=3)


def match_pieces(pieces: list[str], stops: list[str]) -> tuple[list[str], str | None]:
    matcher = StopMatcher(stops)
    passed_text = [matcher.add_text(piece) for piece in pieces]
    return [*passed_text, matcher.flush()], matcher.match


def cut(text: str, places: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize(
    ("text", "stops", "passed_text", "match"),
    [
        ("Paris. It is", ["."], "Paris", "."),
        ("one\n\ntwo", ["\n\n"], "one", "\n\n"),
        ("no stop here", ["STOP"], "no stop here", None),
        ("ends with ST", ["STOP"], "ends with ST", None),
        ("abcd", ["abcd", "c"], "ab", "c"),  # complete first, though it begins later
        ("aab", ["ab", "aab"], "", "aab"),  # both complete at once: the longer
        ("text", [""], "text", None),
    ],
)
def test_it_cuts_at_the_stop_that_is_complete_first(
    text: str, stops: list[str], passed_text: str, match: str | None
) -> None:
    pieces, first_match = match_pieces([text], stops)
    assert ("".join(pieces), first_match) == (passed_text, match)


@given(LETTERS, STOPS, st.lists(st.integers(0, 30)))
def test_the_result_does_not_depend_on_how_the_text_is_cut(
    text: str, stops: list[str], places: list[int]
) -> None:
    pieces_of_whole, match = match_pieces([text], stops)
    pieces, match_in_pieces = match_pieces(cut(text, places), stops)
    assert "".join(pieces) == "".join(pieces_of_whole)
    assert match_in_pieces == match


@given(LETTERS, STOPS)
def test_nothing_shown_holds_a_stop_string_and_nothing_is_lost(text: str, stops: list[str]) -> None:
    passed_text, match = match_pieces(list(text), stops)
    output = "".join(passed_text)
    assert not any(stop in output for stop in stops)
    assert text.startswith(output + (match or ""))
    assert match is not None or output == text


@given(LETTERS, STOPS)
def test_text_is_held_back_only_where_it_could_begin_a_stop(text: str, stops: list[str]) -> None:
    matcher = StopMatcher(stops)
    passed_text = "".join(matcher.add_text(letter) for letter in text)
    if matcher.match is None:
        pending_text = text.removeprefix(passed_text)
        assert not pending_text or any(stop.startswith(pending_text) for stop in stops)


def test_nothing_is_shown_after_the_stop() -> None:
    matcher = StopMatcher(["."])
    assert [matcher.add_text(piece) for piece in ("a.", "b", ".c")] == ["a", "", ""]
    assert matcher.flush() == ""


@given(
    st.lists(st.tuples(st.text("ab", max_size=3), st.booleans()), max_size=8),
    st.lists(st.text("ab", min_size=1, max_size=4), max_size=2),
)
def test_hidden_text_is_matched_and_never_passed_on(
    pieces: list[tuple[str, bool]], stops: list[str]
) -> None:
    matcher = StopMatcher(stops)
    passed = "".join(matcher.add_text(text, hidden=hidden) for text, hidden in pieces)
    passed += matcher.flush()
    whole = StopMatcher(stops)
    size = len(whole.add_text("".join(text for text, _ in pieces)) + whole.flush())
    characters = [(char, hidden) for text, hidden in pieces for char in text]
    assert passed == "".join(char for char, hidden in characters[:size] if not hidden)
    assert matcher.match == whole.match
