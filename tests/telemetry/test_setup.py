"""Metrics, content, names, and whether telemetry is on at all."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes, openai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes, http_attributes, server_attributes
from opentelemetry.semconv.schemas import Schemas

import fmsdk
from fmsdk.telemetry import content, names
from fmsdk.testing import FakeProvider
from tests.support.secret_values import SECRETS, SIGNED_URL, ask
from tests.support.telemetry_recorder import Recorder


@pytest.fixture(autouse=True)
def no_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(content.VARIABLE, raising=False)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


class TestMetrics:
    def test_duration_tokens_and_cost(self, recorder: Recorder) -> None:
        provider = FakeProvider(["one two three", "Yes"], price_id="openai")
        one, two = recorder.client(provider), recorder.client(provider)
        got = [client.generate("fake:gpt-5-mini", "Hi there") for client in (one, two)]
        (duration,) = recorder.points("gen_ai.client.operation.duration")
        assert (duration.count, duration.explicit_bounds) == (2, names.DURATION.boundaries)
        assert dict(duration.attributes) == {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "fake",
            "gen_ai.request.model": "gpt-5-mini",
            "gen_ai.response.model": "gpt-5-mini",
        }
        tokens = {
            point.attributes["gen_ai.token.type"]: point
            for point in recorder.points("gen_ai.client.token.usage")
        }
        assert {kind: point.sum for kind, point in tokens.items()} == {"input": 4, "output": 4}
        assert tokens["input"].explicit_bounds == names.TOKEN_USAGE.boundaries
        assert names.TOKEN_USAGE.boundaries[:3] == (1, 4, 16)
        assert names.TOKEN_USAGE.boundaries[-1] == 67108864
        (cost,) = recorder.points("fmsdk.client.cost")
        total = sum((answer.cost.total for answer in got if answer.cost), Decimal())
        assert cost.value == pytest.approx(float(total))
        assert not recorder.points("gen_ai.client.operation.time_to_first_chunk")

    def test_an_error_is_a_duration_of_its_own(self, recorder: Recorder) -> None:
        with pytest.raises(fmsdk.ModelNotFound):
            recorder.client(FakeProvider([fmsdk.ModelNotFound("no")])).generate("fake:any", "Hi")
        (duration,) = recorder.points("gen_ai.client.operation.duration")
        assert duration.attributes["error.type"] == "ModelNotFound"
        assert not recorder.points("gen_ai.client.token.usage")
        assert not recorder.points("fmsdk.client.cost")


class TestContent:
    def test_it_is_off_unless_asked_for(self, recorder: Recorder) -> None:
        recorder.client(FakeProvider(["hush-answer"])).generate(
            "fake:any", "hush-prompt", system="hush-system"
        )
        assert "hush" not in recorder.written()

    @pytest.mark.parametrize("value", ["true", "SPAN_ONLY", "span_and_event"])
    def test_the_environment_turns_it_on(self, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(content.VARIABLE, value)
        recorder = Recorder()
        recorder.client(FakeProvider(["the answer"])).generate("fake:any", "the prompt")
        assert "the prompt" in recorder.attributes[names.INPUT_MESSAGES]

    @pytest.mark.parametrize("value", ["", "false", "NO_CONTENT", "EVENT_ONLY"])
    def test_other_values_leave_telemetry_off(
        self, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(content.VARIABLE, value)
        recorder = Recorder()
        recorder.client(FakeProvider(["the answer"])).generate("fake:any", "the prompt")
        assert names.INPUT_MESSAGES not in recorder.attributes

    def test_messages_by_the_schema_of_the_conventions(self) -> None:
        recorder = Recorder(capture_content=True)
        call = fmsdk.ToolCall("1", "look", {"at": "it"})
        prompt = [
            fmsdk.Message("user", [fmsdk.Image(SIGNED_URL), "What?"]),
            fmsdk.Message("assistant", [fmsdk.Reasoning("Hm."), call]),
            fmsdk.Message("tool", [fmsdk.ToolResult("1", "a cat")]),
            fmsdk.Message("user", [fmsdk.Document(fmsdk.FileRef("fake", "f-1"))]),
        ]
        recorder.client(FakeProvider(["A cat."])).generate("fake:any", prompt, system="Brief.")
        assert json.loads(recorder.attributes[names.INPUT_MESSAGES]) == [
            {
                "role": "user",
                "parts": [
                    {"type": "uri", "modality": "image", "uri": "https://example.com/cat.png"},
                    {"type": "text", "content": "What?"},
                ],
            },
            {
                "role": "assistant",
                "parts": [
                    {"type": "reasoning", "content": "Hm."},
                    {"type": "tool_call", "id": "1", "name": "look", "arguments": {"at": "it"}},
                ],
            },
            {
                "role": "tool",
                "parts": [
                    {
                        "type": "tool_call_response",
                        "id": "1",
                        "response": [{"type": "text", "content": "a cat"}],
                    }
                ],
            },
            {
                "role": "user",
                "parts": [{"type": "file", "modality": "document", "file_id": "f-1"}],
            },
        ]
        assert json.loads(recorder.attributes[names.SYSTEM_INSTRUCTIONS]) == [
            {"type": "text", "content": "Brief."}
        ]
        assert json.loads(recorder.attributes[names.OUTPUT_MESSAGES]) == [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": "A cat."}],
                "finish_reason": "stop",
            }
        ]

    @pytest.mark.parametrize("captures", [False, True])
    @pytest.mark.parametrize("way", ["generate", "stream"])
    def test_exports_contain_no_keys_or_media(self, way: str, captures: bool) -> None:
        recorder = Recorder(capture_content=captures)
        ask(way, tracing=recorder.telemetry)
        written = recorder.written()
        assert "gen_ai.client.operation.duration" in written
        assert ("Look" in written) is captures
        assert [secret for secret in SECRETS if secret in written] == []


CONVENTIONAL = ("gen_ai.", "openai.", "error.", "server.", "http.")


class TestNames:
    def test_names_equal_the_installed_conventions(self) -> None:
        modules = gen_ai_attributes, gen_ai_metrics, error_attributes, server_attributes
        known = {
            value
            for module in (*modules, http_attributes, openai_attributes)
            for value in vars(module).values()
            if isinstance(value, str)
        }
        called = [getattr(value, "name", value) for value in vars(names).values()]
        conventional = {
            name for name in called if isinstance(name, str) and name.startswith(CONVENTIONAL)
        }
        assert len(conventional) > 25
        assert conventional - known == set()
        assert names.SCHEMA_URL in {schema.value for schema in Schemas}

    def test_units_and_instruments_are_the_conventions(self) -> None:
        class Meter:
            def create_histogram(self, **made: str) -> dict[str, str]:
                return made

        for metric in (names.DURATION, names.TOKEN_USAGE, names.FIRST_CHUNK, names.OUTPUT_CHUNK):
            create = f"create_{metric.name.replace('.', '_')}"
            theirs = getattr(gen_ai_metrics, create)(Meter())
            assert (metric.name, metric.unit) == (theirs["name"], theirs["unit"])


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


HEAD = """
import sys
import fmsdk
from fmsdk.testing import FakeProvider
def client(**settings):
    return fmsdk.Client(providers={"fake": FakeProvider()}, **settings)
def loaded():
    return [name for name in sys.modules if name.startswith("opentelemetry")]
"""
ABSENT = """
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""


class TestWhetherItIsOn:
    @pytest.mark.parametrize("tracing", [None, False])
    def test_a_call_never_imports_opentelemetry(self, tracing: bool | None) -> None:
        run(
            f"{HEAD}\n"
            f"made = client(tracing={tracing})\n"
            "assert made.generate('fake:any', 'Hi').text == 'Hi'\n"
            "assert [e for e in made.stream('fake:any', 'Hi')]\n"
            "assert not loaded() and 'fmsdk.telemetry' not in sys.modules, loaded()\n"
        )

    def test_true_without_opentelemetry_names_the_extra(self) -> None:
        out = run(
            f"{HEAD}{ABSENT}\n"
            "assert client().generate('fake:any', 'Hi').text == 'Hi'\n"
            "try:\n    client(tracing=True)\n"
            "except fmsdk.MissingExtra as error:\n    print(error.extra, error)\n"
        )
        assert out.startswith("otel OpenTelemetry is not installed: pip install 'fmsdk[otel]'")

    @pytest.mark.parametrize(("tracing", "count"), [(None, 1), (True, 1), (False, 0)])
    def test_the_global_providers_may_be_set_later(self, tracing: bool | None, count: int) -> None:
        run(
            f"{HEAD}\n"
            f"made = client(tracing={tracing})\n"
            "from opentelemetry import trace\n"
            "from opentelemetry.sdk.trace import TracerProvider\n"
            "from opentelemetry.sdk.trace.export import SimpleSpanProcessor\n"
            "from opentelemetry.sdk.trace.export.in_memory_span_exporter "
            "import InMemorySpanExporter\n"
            "kept = InMemorySpanExporter()\n"
            "trace.set_tracer_provider(TracerProvider())\n"
            "trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(kept))\n"
            "made.generate('fake:any', 'Hi')\n"
            f"assert len(kept.get_finished_spans()) == {count}\n"
        )

    def test_without_an_sdk_spans_go_nowhere_and_calls_go_on(self) -> None:
        run(f"{HEAD}\nassert client(tracing=True).generate('fake:any', 'Hi').text == 'Hi'\n")

    def test_other_sources_are_refused(self) -> None:
        with pytest.raises(fmsdk.BadRequestError, match="tracing must be True, False, None or"):
            fmsdk.Client(tracing="yes")  # type: ignore[arg-type]
