"""OpenTelemetry: a span for each call, and the metrics of GenAI clients.

    client = fmsdk.Client(tracing=Telemetry(tracer_provider=…, meter_provider=…))

`fmsdk.Client()` needs none of this where OpenTelemetry's global providers are used: see
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
        tracer_provider, meter_provider: where they go; OpenTelemetry's global ones unless given.
        capture_content: write messages and error texts into spans, media never; None asks
            OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT ("true", "SPAN_ONLY" or
            "SPAN_AND_EVENT"), which is off unless set.

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

    def begin(
        self, operation: Operation[Any, Any], provider: Provider, request: Request
    ) -> SpanObserver:
        """The span of a call that begins now."""
        return SpanObserver(self._instruments, operation, provider, request)
