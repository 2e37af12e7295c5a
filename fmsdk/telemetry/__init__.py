"""OpenTelemetry: a span for each call, and the metrics of GenAI clients.

    client = fmsdk.Client(tracing=Telemetry(tracer_provider=…, meter_provider=…))

With OpenTelemetry's global providers, `fmsdk.Client()` needs none of this: see
docs/observability.md. Names follow the semantic conventions for GenAI (`names`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fmsdk.operation import Operation
from fmsdk.provider import Provider
from fmsdk.request import Request
from fmsdk.telemetry import content
from fmsdk.telemetry.instruments import Instruments
from fmsdk.telemetry.span import SpanObserver

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["SpanObserver", "Telemetry"]


class Telemetry:
    """Spans and metrics of a client's calls.

    Args:
        tracer_provider, meter_provider: by default OpenTelemetry's global ones.
        capture_content: write messages and error texts into spans, but never media. None: as the
            variable OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT says ("true", "SPAN_ONLY"
            or "SPAN_AND_EVENT"); without it, no.

    Raises:
        MissingExtra: OpenTelemetry is not installed.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        capture_content: bool | None = None,
    ) -> None:
        captures = content.is_wanted() if capture_content is None else capture_content
        self._instruments = Instruments(tracer_provider, meter_provider, captures_content=captures)

    def start_span(
        self, operation: Operation[Any, Any], provider: Provider, request: Request
    ) -> SpanObserver:
        """Start the span of a call."""
        return SpanObserver(self._instruments, operation, provider, request)
