"""Generated conversations: what goes in comes out of the body, but for what warnings name; and
when the provider changes on the way, what has to stay behind is said, and nothing else does."""

from __future__ import annotations

import itertools
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fmsdk.content import ToolCall, ToolResult
from fmsdk.request import Message
from tests.matrix.answers import ErrorBody
from tests.matrix.cells import LOOK_UP
from tests.matrix.conversations import Menu, conversations, menu_of, said
from tests.matrix.facts import facts, sealed
from tests.matrix.probe import Lab, Outcome
from tests.matrix.wires import WIRES, Wire
from tests.support import tally
from tests.support.soak import soak_size

# Time and data too large are no bugs here; examples are the same in every run.
PROFILE = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
_SWAPPED = [wire for wire in WIRES if wire.name not in ("OpenAI Chat", "Claude 5", "Gemini 2.5")]


@cache
def _menu(lab: Lab, wire: Wire) -> Menu:
    return menu_of(lab, wire)


@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_encoding_loses_nothing(wire: Wire, lab: Lab) -> None:
    @settings(PROFILE, max_examples=soak_size(40, 300))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        talk = data.draw(conversations(lab, wire, _menu(lab, wire)))
        tally.count("conversations generated")
        request = lab.request(wire, list(talk.messages), lenient=True, **talk.settings)
        verdict = lab.judge(wire, request, stream=talk.stream)
        assert verdict.faults == ()
        assert verdict.word != "refused", verdict.why

    check()


@pytest.mark.parametrize(("home", "abroad"), list(itertools.permutations(_SWAPPED, 2)), ids=str)
def test_a_conversation_survives_another_provider(home: Wire, abroad: Wire, lab: Lab) -> None:
    """Home, abroad and home again: abroad says what it leaves behind, and back home everything
    that home's model sealed is there, as it is where nobody ever left."""

    @settings(PROFILE, max_examples=soak_size(5, 30))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        tally.count("conversations generated")
        first = [Message("user", "Hello"), *_exchange(lab, home, data.draw(said(1)), "One.")]
        verdict = lab.judge(abroad, lab.request(abroad, first, tools=[LOOK_UP]))
        assert verdict.faults == ()
        assert verdict.word != "refused", verdict.why
        second = [*first, *_exchange(lab, abroad, data.draw(said(2)), "Two.")]
        back = lab.request(home, second, tools=[LOOK_UP])
        verdict = lab.judge(home, back)
        assert verdict.faults == ()
        assert verdict.word != "refused", verdict.why
        stayed = lab.ask(home, lab.request(home, first, tools=[LOOK_UP]))
        assert _is_sealed(home, lab.ask(home, back)) == _is_sealed(home, stayed)

    check()


def _exchange(lab: Lab, wire: Wire, turn: ErrorBody, words: str) -> list[Message]:
    """A turn of the wire's model, the results of its calls, and what the user says next."""
    answer = lab.turn(wire, turn)
    calls = [part for part in answer.parts if isinstance(part, ToolCall)]
    results = [Message("tool", [ToolResult(call.id, "Found.") for call in calls])]
    return [answer, *(results if calls else []), Message("user", words)]


def _is_sealed(wire: Wire, outcome: Outcome) -> bool:
    """Whether what home's model sealed went along."""
    assert outcome.seen is not None
    return any(fact.value == sealed(1) for fact in facts(wire.read(outcome.seen)))
