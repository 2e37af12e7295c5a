"""The tracer and the metrics of a `Telemetry`. Only this module imports OpenTelemetry."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import TYPE_CHECKING

from fmsdk.errors import MissingExtra
from fmsdk.telemetry import names
from fmsdk.telemetry.attributes import Attributes

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, MeterProvider
    from opentelemetry.trace import Span, TracerProvider

__all__ = ["Instruments"]


class Instruments:
    """Records spans and metrics.

    Raises:
        MissingExtra: OpenTelemetry is not installed.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
        *,
        captures_content: bool,
    ) -> None:
        try:
            from opentelemetry import metrics, trace
        except ModuleNotFoundError as error:
            raise MissingExtra(
                "OpenTelemetry is not installed: pip install 'fmsdk[otel]'", extra="otel"
            ) from error
        self.captures_content = captures_content
        self._trace = trace
        about = "fmsdk", version("fmsdk")
        self._tracer = trace.get_tracer(*about, tracer_provider, names.SCHEMA_URL)
        meter = metrics.get_meter(*about, meter_provider, names.SCHEMA_URL)

        def histogram(metric: names.Metric) -> Histogram:
            return meter.create_histogram(
                metric.name,
                unit=metric.unit,
                description=metric.description,
                explicit_bucket_boundaries_advisory=metric.boundaries,
            )

        self.duration = histogram(names.DURATION)
        self.tokens = histogram(names.TOKEN_USAGE)
        self.first_chunk = histogram(names.FIRST_CHUNK)
        self.output_chunk = histogram(names.OUTPUT_CHUNK)
        self.cost = meter.create_counter(
            names.COST_COUNTER, unit=names.COST_UNIT, description="What requests cost."
        )

    def start_span(self, name: str, attributes: Attributes, *, in_process: bool) -> Span:
        """Start a span under the current one. It does not become the current one."""
        kind = self._trace.SpanKind
        return self._tracer.start_span(
            name, kind=kind.INTERNAL if in_process else kind.CLIENT, attributes=attributes
        )

    def current(self, span: Span) -> AbstractContextManager[Span]:
        """Make `span` the current one. Leaving the context neither ends it nor records an error."""
        return self._trace.use_span(span, record_exception=False, set_status_on_exception=False)

    def set_failed(self, span: Span, description: str) -> None:
        """Mark the span as failed."""
        span.set_status(self._trace.StatusCode.ERROR, description)
