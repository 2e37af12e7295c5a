"""The log and the hooks: who hears what of a call, and what nobody may see."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

import pytest

import fmsdk
from fmsdk.observe.log import LogObserver
from fmsdk.observe.observer import AttemptReport
from fmsdk.pipeline import retry
from fmsdk.testing import FakeProvider
from tests.support.secret_values import KEY, PICTURE, RECORDING, ask, assert_clean


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE_DELAY", 0.001)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG, logger="fmsdk"):
        yield caplog


def events(log: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    found = [record for record in log.records if record.name == "fmsdk"]
    return [(record.levelname, figures(record)["event"]) for record in found]


def figures(record: logging.LogRecord) -> dict[str, Any]:
    return record.__dict__["fmsdk"]


def client_of(provider: FakeProvider, **settings: Any) -> fmsdk.Client:
    return fmsdk.Client(providers={"fake": provider}, **settings)


class TestLog:
    def test_a_call_is_a_line_before_and_a_line_after(self, log: pytest.LogCaptureFixture) -> None:
        client_of(FakeProvider(["Hello there"])).generate("fake:any", "Say hello")
        assert events(log) == [("DEBUG", "request"), ("DEBUG", "response")]
        said = figures(log.records[-1])
        assert said["provider"] == "fake"
        assert said["model"] == "any"
        assert (said["input_tokens"], said["output_tokens"]) == (2, 2)
        assert said["request_id"] == "fake-1"
        assert said["attempts"] == 1
        assert said["seconds"] > 0
        assert "stop after" in log.records[-1].getMessage()

    def test_retries_and_failures_are_info(self, log: pytest.LogCaptureFixture) -> None:
        busy = fmsdk.ServerError("the prompt was: hush", status=503, request_id="req-7")
        client = client_of(FakeProvider([busy, busy]), retries=1)
        with pytest.raises(fmsdk.ServerError):
            client.generate("fake:any", "hush")
        assert events(log) == [("DEBUG", "request"), ("INFO", "retry"), ("INFO", "error")]
        assert "ServerError (503)" in log.records[1].getMessage()
        assert "2 attempts, status 503, request req-7" in log.records[2].getMessage()
        assert "hush" not in log.text

    def test_dropped_setting_is_logged_as_a_warning_once(
        self, log: pytest.LogCaptureFixture
    ) -> None:
        capabilities = fmsdk.Capabilities(settings=frozenset())
        client = client_of(FakeProvider(capabilities=capabilities))
        for _ in range(2):
            client.generate("fake:any", "Hi", seed=1, lenient=True)
        client.generate("fake:any", "Hi", top_p=0.5, lenient=True)
        told = [r for r in log.records if figures(r)["event"] == "warning"]
        assert [r.levelname for r in told] == ["WARNING", "DEBUG", "WARNING"]
        assert "setting_dropped: seed was dropped" in told[0].getMessage()
        assert figures(told[0])["detail"] == "seed"

    def test_nothing_is_printed_without_logging_configuration(
        self, capfd: pytest.CaptureFixture[str]
    ) -> None:
        capabilities = fmsdk.Capabilities(settings=frozenset())
        client = client_of(FakeProvider(["Yes"], capabilities=capabilities))
        client.generate("fake:any", "Hi", seed=1, lenient=True)
        assert capfd.readouterr() == ("", "")


class TestEmbeddings:
    """A verb that neither log nor hooks know of."""

    def test_log_and_hooks(self, log: pytest.LogCaptureFixture) -> None:
        requests: list[Any] = []
        ended: list[Any] = []
        client = client_of(FakeProvider(), on_request=requests.append, on_response=ended.append)
        result = client.embed("fake:any", ["one", "two words"])
        assert events(log) == [("DEBUG", "request"), ("DEBUG", "response")]
        assert figures(log.records[-1])["verb"] == "embed"
        assert figures(log.records[-1])["input_tokens"] == 3
        assert ended == [result]
        assert requests[0].inputs == ("one", "two words")


class TestAttempts:
    """Each attempt that has ended is told to observers, the last one too."""

    @pytest.fixture
    def reports(self, monkeypatch: pytest.MonkeyPatch) -> list[AttemptReport]:
        reports: list[AttemptReport] = []
        monkeypatch.setattr(LogObserver, "attempt_ended", lambda _, report: reports.append(report))
        return reports

    def test_failed_attempt_then_answer(self, reports: list[AttemptReport]) -> None:
        provider = FakeProvider([fmsdk.ServerError("busy", request_id="r-1"), "Yes"], backoff=True)
        provider.price_id = "openai"
        answer = client_of(provider).generate("fake:gpt-4o", "Hi")
        failed, last = reports
        assert (failed.attempt, last.attempt) == answer.latency.attempts
        assert isinstance(failed.error, fmsdk.ServerError)
        assert (failed.request_id, failed.usage, failed.cost) == ("r-1", None, None)
        assert failed.delay
        assert (last.error, last.delay) == (None, None)
        assert (last.usage, last.cost) == (answer.usage, answer.cost)
        assert last.cost
        assert last.served_model == "gpt-4o"

    def test_permanently_failing_call(self, reports: list[AttemptReport]) -> None:
        client = client_of(FakeProvider([fmsdk.AuthenticationError("no", status=401)]))
        with pytest.raises(fmsdk.AuthenticationError):
            client.generate("fake:any", "Hi")
        assert [(r.attempt.error, r.attempt.status, r.delay) for r in reports] == [
            ("AuthenticationError", 401, None)
        ]

    @pytest.mark.parametrize("leaves", [False, True])
    def test_a_stream(self, reports: list[AttemptReport], leaves: bool) -> None:
        with client_of(FakeProvider(["a b c"], delay=0.01)).stream("fake:any", "Hi") as stream:
            for _ in stream:
                if leaves:
                    break
        (report,) = reports
        assert report.attempt.error == ("Cancelled" if leaves else None)
        assert report.usage == stream.response.usage
        assert report.usage
        assert report.usage.source == ("estimated" if leaves else "measured")

    def test_a_stream_that_broke(self, reports: list[AttemptReport]) -> None:
        class Breaks(FakeProvider):
            async def events(self, request: fmsdk.Request) -> Any:
                yield fmsdk.TextDelta("half")
                raise fmsdk.ConnectionFailed("gone")

        with (
            pytest.raises(fmsdk.ConnectionFailed) as caught,
            client_of(Breaks()).stream("fake:any", "Hi") as stream,
        ):
            list(stream)
        (report,) = reports
        assert report.error is caught.value
        assert report.usage == caught.value.partial.usage

    def test_an_unsent_request_is_not_reported(self, reports: list[AttemptReport]) -> None:
        client = client_of(FakeProvider(capabilities=fmsdk.Capabilities(tools=False)))
        with pytest.raises(fmsdk.BadRequestError):
            client.generate("fake:any", "Hi", tools=[fmsdk.Tool("t")])
        assert reports == []


class TestHooks:
    def test_hooks_run_once_for_a_call_with_retries(self) -> None:
        asked: list[fmsdk.Request] = []
        ended: list[Any] = []
        provider = FakeProvider([fmsdk.ServerError("busy"), "Yes"])
        client = client_of(provider, on_request=asked.append, on_response=ended.append)
        answer = client.generate("fake:any", "Hi", system="Be brief.", tags={"team": "blue"})
        assert asked == provider.requests[:1]
        assert ended == [answer]
        assert len(ended[0].latency.attempts) == 2
        assert ended[0].tags == (("team", "blue"),)

    def test_an_error_is_the_outcome_of_a_call_that_failed(self) -> None:
        ended: list[Any] = []
        refusal = fmsdk.RateLimitError("no", status=429, retry_after=9.0, request_id="r")
        client = client_of(FakeProvider([refusal]), retries=0, on_response=ended.append)
        with pytest.raises(fmsdk.RateLimitError):
            client.generate("fake:any", "Hi")
        seen = ended[0]
        assert type(seen) is fmsdk.RateLimitError
        assert (seen.status, seen.retry_after, seen.request_id) == (429, 9.0, "r")
        assert (seen.provider, seen.model, len(seen.attempts)) == ("fake", "any", 1)

    def test_an_unsendable_request_reaches_the_observers(self) -> None:
        ended: list[Any] = []
        capabilities = fmsdk.Capabilities(input=frozenset({"text"}))
        client = client_of(FakeProvider(capabilities=capabilities), on_response=ended.append)
        with pytest.raises(fmsdk.UnsupportedContent):
            client.generate("fake:any", fmsdk.Image(PICTURE))
        assert [type(seen) for seen in ended] == [fmsdk.UnsupportedContent]

    def test_a_bug_in_a_provider_shows_as_an_error_without_details(self) -> None:
        class Broken(FakeProvider):
            async def generate(self, request: fmsdk.Request) -> fmsdk.Response[Any]:
                raise ValueError(KEY)

        ended: list[Any] = []
        with pytest.raises(ValueError, match=KEY):
            client_of(Broken(), on_response=ended.append).generate("fake:any", "Hi")
        assert isinstance(ended[0], fmsdk.FmsdkError)
        assert "ValueError" in str(ended[0])
        assert KEY not in str(ended[0])

    def test_a_finished_stream(self) -> None:
        ended: list[Any] = []
        with client_of(FakeProvider(["a b c"]), on_response=ended.append).stream(
            "fake:any", "Hi"
        ) as stream:
            list(stream)
        assert [seen.text for seen in ended] == ["a b c"]
        assert ended[0].finish == "stop"

    @pytest.mark.parametrize("leave", ["break", "raise"])
    def test_stream_left_early(self, leave: str) -> None:
        ended: list[Any] = []
        client = client_of(FakeProvider(["a b c"], delay=0.05), on_response=ended.append)
        try:
            with client.stream("fake:any", "Hi") as stream:
                for _ in stream:
                    if leave == "break":
                        break
                    raise KeyError
        except KeyError:
            assert leave == "raise"
        assert [seen.finish for seen in ended] == ["cancelled"]
        assert ended[0].text == "a "
        assert ended[0].usage.source == "estimated"

    def test_a_stream_that_broke_shows_what_had_arrived(self) -> None:
        class Breaks(FakeProvider):
            async def events(self, request: fmsdk.Request) -> Any:
                yield fmsdk.TextDelta("half")
                raise fmsdk.ConnectionFailed("gone")

        ended: list[Any] = []
        client = client_of(Breaks(), on_response=ended.append)
        with pytest.raises(fmsdk.ConnectionFailed), client.stream("fake:any", "Hi") as stream:
            list(stream)
        assert [type(seen) for seen in ended] == [fmsdk.ConnectionFailed]
        assert ended[0].partial.text == "half"

    def test_a_cancelled_call(self) -> None:
        ended: list[Any] = []

        async def cancel() -> None:
            client = fmsdk.AsyncClient(
                providers={"fake": FakeProvider(delay=30)}, on_response=ended.append
            )
            call = asyncio.create_task(client.generate("fake:any", "Hi", tags={"a": "b"}))
            await asyncio.sleep(0.05)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

        asyncio.run(cancel())
        assert [seen.finish for seen in ended] == ["cancelled"]
        assert ended[0].latency.total > 0.03
        assert ended[0].tags == (("a", "b"),)

    @pytest.mark.parametrize("kind", [ZeroDivisionError, SystemExit, asyncio.CancelledError])
    def test_a_hook_that_raises_is_logged_and_stops_nothing(
        self, kind: type[BaseException], log: pytest.LogCaptureFixture
    ) -> None:
        def broken(_: object) -> None:
            raise kind

        client = client_of(FakeProvider(["Yes"]), on_request=broken, on_response=broken)
        assert client.generate("fake:any", "Hi").text == "Yes"
        raised = [r for r in log.records if r.levelname == "ERROR"]
        assert [r.getMessage() for r in raised] == [
            "on_request raised; the call goes on",
            "on_response raised; the call goes on",
        ]
        assert all(r.exc_info and r.exc_info[0] is kind for r in raised)

    def test_system_exit_in_one_task_leaves_other_calls_running(self) -> None:
        """What ends the thread of an event loop reaches whoever waits, and the thread goes on."""

        class Leaving(FakeProvider):
            async def generate(self, request: fmsdk.Request) -> fmsdk.Response[Any]:
                raise SystemExit(3)

        with pytest.raises(SystemExit):
            client_of(Leaving()).generate("fake:any", "Hi")
        assert client_of(FakeProvider(["Yes"])).generate("fake:any", "Hi").text == "Yes"

    @pytest.mark.parametrize("verb", ["generate", "stream"])
    def test_sync_call_inside_a_hook_is_refused(
        self, verb: str, log: pytest.LogCaptureFixture
    ) -> None:
        other = client_of(FakeProvider())

        def ask_again(_: object) -> None:
            if verb == "generate":
                other.generate("fake:any", "Hi")
            else:
                list(other.stream("fake:any", "Hi"))

        client = client_of(FakeProvider(["Yes"]), on_response=ask_again)
        assert client.generate("fake:any", "Hi").text == "Yes"
        assert "hand the work to another thread" in log.text

    def test_hooks_are_plain_functions(self) -> None:
        async def hook(_: object) -> None: ...

        with pytest.raises(fmsdk.BadRequestError, match="on_response must be a plain function"):
            fmsdk.Client(on_response=hook)
        with pytest.raises(fmsdk.BadRequestError, match="on_request must be a plain function"):
            fmsdk.Client(on_request="print")  # type: ignore[arg-type]


def reachable(start: object) -> Iterator[object]:
    """Everything that can be got at from `start`, code aside."""
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, (type, ModuleType, FunctionType)):
            continue
        seen.add(id(found))
        yield found
        waiting += gc.get_referents(found)


class TestRedaction:
    def test_views_know_their_media_and_cannot_read_it(self) -> None:
        asked: list[fmsdk.Request] = []
        client = client_of(FakeProvider(["Yes"]), on_request=asked.append)
        result = fmsdk.ToolResult("1", [fmsdk.Image(PICTURE)])
        prompt = [
            fmsdk.Message("user", [fmsdk.Image(PICTURE), fmsdk.Audio(RECORDING), "Look"]),
            fmsdk.Message("assistant", [fmsdk.ToolCall("1", "look")]),
            fmsdk.Message("tool", [result]),
        ]
        client.generate("fake:any", prompt)
        picture, recording, inner = asked[0].media()
        assert isinstance(picture, fmsdk.Image)
        assert isinstance(recording, fmsdk.Audio)
        assert (picture.kind, picture.mime, picture.size) == ("image", "image/png", (256, 256))
        assert (recording.mime, inner.mime) == ("audio/wav", "image/png")
        assert recording.duration == pytest.approx(0.1)
        assert repr(picture) == f"Image(<{len(PICTURE)} bytes>)"
        assert asked[0].messages[0].text == "Look"
        for part in (picture, recording, inner):
            for read in (part.read, part.base64, part.data_url, part.source.open):
                with pytest.raises(fmsdk.InvalidMedia, match="cannot be read here"):
                    read()
            with pytest.raises(fmsdk.InvalidMedia, match="cannot be read here"):
                part.source.head(4)
        assert not any(found in (PICTURE, RECORDING) for found in reachable(asked[0]))

    def test_a_file_that_is_missing_does_not_stop_the_hook(self) -> None:
        asked: list[fmsdk.Request] = []
        client = client_of(FakeProvider(), on_request=asked.append)
        with pytest.raises(fmsdk.InvalidMedia, match="no such file"):
            client.generate("fake:any", fmsdk.Image("missing.png"))
        assert repr(next(asked[0].media())) == "Image(missing.png)"

    def test_generated_media_cannot_be_read_and_the_body_is_left_out(self) -> None:
        spoken = fmsdk.Response(
            provider="fake",
            model="any",
            choices=(fmsdk.Choice((fmsdk.Audio(RECORDING), fmsdk.Text("said")), "stop"),),
            raw_body=RECORDING,
        )
        ended: list[Any] = []
        answer = client_of(FakeProvider([spoken]), on_response=ended.append).generate(
            "fake:any", "Speak", modalities=("audio",)
        )
        assert answer.parts[0].read() == RECORDING  # type: ignore[union-attr]
        assert ended[0].parts[0].mime == "audio/wav"
        assert ended[0].text == "said"
        assert RECORDING not in list(reachable(ended[0]))

    def test_error_chains_hold_no_secrets(self) -> None:
        class Fails(FakeProvider):
            async def events(self, request: fmsdk.Request) -> Any:
                yield fmsdk.MediaDelta("audio", RECORDING, "audio/wav")
                try:
                    raise OSError(f"Authorization: Bearer {KEY}")
                except OSError as error:
                    raise fmsdk.ConnectionFailed("gone") from error

        ended: list[Any] = []
        client = client_of(Fails(), on_response=ended.append)
        with pytest.raises(fmsdk.ConnectionFailed), client.stream("fake:any", "Hi") as stream:
            list(stream)
        assert ended[0].partial.parts[0].mime == "audio/wav"
        found = list(reachable(ended[0]))
        assert RECORDING not in found
        assert_clean(*found)

    def test_ambiguous_options_are_left_out(self) -> None:
        @dataclass(frozen=True)
        class NoDefault:
            headers: dict[str, str]

        asked: list[fmsdk.Request] = []
        client = client_of(FakeProvider(["Yes", "Yes"]), on_request=asked.append)
        for options in ({"api_key": KEY}, NoDefault({"api_key": KEY})):
            client.generate("fake:any", "Hi", options=options)
        assert [view.options for view in asked] == [None, None]

    @pytest.mark.parametrize("way", ["generate", "stream"])
    def test_logs_and_reprs_hold_no_secrets(self, way: str, log: pytest.LogCaptureFixture) -> None:
        seen: list[Any] = []
        ask(way, on_request=seen.append, on_response=seen.append)
        assert events(log)[0] == ("DEBUG", "request")
        assert len(seen) == 2
        assert seen[0].options.verbosity == "low"
        assert "example.com/cat.png" in repr(seen[0])
        assert_clean(*(record.__dict__ for record in log.records), *seen)
        for view in seen:
            assert_clean(*reachable(view))
