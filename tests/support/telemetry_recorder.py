"""The real OpenTelemetry SDK, recording into memory."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import fmsdk
from fmsdk.telemetry import Telemetry
from fmsdk.testing import FakeProvider


class Recorder:
    """An OpenTelemetry SDK of its own, and what it recorded."""

    def __init__(self, **settings: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.telemetry = Telemetry(
            tracer_provider=self.tracers, meter_provider=self.meters, **settings
        )
        self.tracer = self.tracers.get_tracer("the application")

    def client(self, provider: FakeProvider, **settings: Any) -> fmsdk.Client:
        return fmsdk.Client(providers={"fake": provider}, tracing=self.telemetry, **settings)

    def asynchronous(self, provider: FakeProvider) -> fmsdk.AsyncClient:
        return fmsdk.AsyncClient(providers={"fake": provider}, tracing=self.telemetry)

    @property
    def spans(self) -> list[ReadableSpan]:
        ours = [s for s in self.exporter.get_finished_spans() if s.instrumentation_scope]
        return [s for s in ours if s.instrumentation_scope.name == "fmsdk"]  # type: ignore[union-attr]

    @property
    def span(self) -> ReadableSpan:
        (span,) = self.spans
        return span

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(self.span.attributes or {})

    def points(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        assert data is not None
        scopes = data.resource_metrics[0].scope_metrics
        found = {metric.name: metric for scope in scopes for metric in scope.metrics}
        return list(found[name].data.data_points) if name in found else []

    def written(self) -> str:
        data = self.reader.get_metrics_data()
        assert data is not None
        return "".join(span.to_json() for span in self.spans) + data.to_json()
