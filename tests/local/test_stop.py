"""Stop strings in a text that arrives in any pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmsdk_local.engine.stop_matcher import StopMatcher

LETTERS = st.text("abc", max_size=30)
STOPS = st.lists(st.text("abc", min_size=1, max_size=4), max_size=3)


def fed(pieces: list[str], stops: list[str]) -> tuple[list[str], str | None]:
    matcher = StopMatcher(stops)
    shown = [matcher.add_text(piece) for piece in pieces]
    return [*shown, matcher.flush()], matcher.match


def cut(text: str, places: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize(
    ("text", "stops", "shown", "found"),
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
    text: str, stops: list[str], shown: str, found: str | None
) -> None:
    pieces, met = fed([text], stops)
    assert ("".join(pieces), met) == (shown, found)


@given(LETTERS, STOPS, st.lists(st.integers(0, 30)))
def test_the_result_does_not_depend_on_how_the_text_is_cut(
    text: str, stops: list[str], places: list[int]
) -> None:
    whole, found = fed([text], stops)
    pieces, found_in_pieces = fed(cut(text, places), stops)
    assert "".join(pieces) == "".join(whole)
    assert found_in_pieces == found


@given(LETTERS, STOPS)
def test_nothing_shown_holds_a_stop_string_and_nothing_is_lost(text: str, stops: list[str]) -> None:
    shown, found = fed(list(text), stops)
    joined = "".join(shown)
    assert not any(stop in joined for stop in stops)
    assert text.startswith(joined + (found or ""))
    assert found is not None or joined == text


@given(LETTERS, STOPS)
def test_text_is_held_back_only_where_it_could_begin_a_stop(text: str, stops: list[str]) -> None:
    matcher = StopMatcher(stops)
    shown = "".join(matcher.add_text(letter) for letter in text)
    if matcher.match is None:
        held = text.removeprefix(shown)
        assert not held or any(stop.startswith(held) for stop in stops)


def test_nothing_is_shown_after_the_stop() -> None:
    matcher = StopMatcher(["."])
    assert [matcher.add_text(piece) for piece in ("a.", "b", ".c")] == ["a", "", ""]
    assert matcher.flush() == ""
