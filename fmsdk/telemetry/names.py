"""The names of spans, attributes and metrics, each once.

`gen_ai.*`, `openai.*`, `server.*`, `error.*` and `http.*` are OpenTelemetry's semantic conventions
as of release 1.41.1, the last one with those of GenAI. GenAI's moved to a repository of their own
(https://github.com/open-telemetry/semantic-conventions-genai), whose release 0.1.0 adds tokens by
modality. The package with these constants is unstable and no dependency; a test compares them.
`fmsdk.*` are ours. docs/decisions/0006-observability.md has the reasons.
"""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.1"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
OUTPUT_TYPE = "gen_ai.output.type"

GOOGLE_OPERATIONS = {"chat": "generate_content"}
"""Operations that have another name at Google."""

REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
REQUEST_CHOICES = "gen_ai.request.choice.count"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_SEED = "gen_ai.request.seed"
REQUEST_STOP = "gen_ai.request.stop_sequences"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
REQUEST_OPTIONS = {
    "top_k": "gen_ai.request.top_k",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
}
"""Providers' own options that are in the conventions."""
OPENAI_REQUEST_TIER = "openai.request.service_tier"
OPENAI_RESPONSE_TIER = "openai.response.service_tier"

RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
RESPONSE_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"

INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS = "gen_ai.usage.cache_creation.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
INPUT_BY_MODALITY = {
    "text": "gen_ai.usage.text.input_tokens",
    "image": "gen_ai.usage.image.input_tokens",
    "audio": "gen_ai.usage.audio.input_tokens",
}
OUTPUT_BY_MODALITY = {
    "text": "gen_ai.usage.text.output_tokens",
    "image": "gen_ai.usage.image.output_tokens",
    "audio": "gen_ai.usage.audio.output_tokens",
}
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - tokens of text

INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"

ERROR_TYPE = "error.type"
HTTP_STATUS = "http.response.status_code"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"

COST = "fmsdk.cost.usd"
USAGE_SOURCE = "fmsdk.usage.source"
REQUEST_ID = "fmsdk.request_id"
ATTEMPTS = "fmsdk.attempts"
RETRY_EVENT = "fmsdk.retry"
RETRY_DELAY = "fmsdk.retry.delay"
TAG_PREFIX = "fmsdk.tag."

_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = tuple(4**power for power in range(14))


@dataclass(frozen=True, slots=True)
class Metric:
    """A histogram of the conventions: name, unit, description, bucket boundaries."""

    name: str
    unit: str
    description: str
    boundaries: tuple[float, ...]


DURATION = Metric("gen_ai.client.operation.duration", "s", "GenAI operation duration.", _SECONDS)
TOKEN_USAGE = Metric(
    "gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", _TOKENS
)
FIRST_CHUNK = Metric(
    "gen_ai.client.operation.time_to_first_chunk",
    "s",
    "Time from the request to the first chunk of a streamed answer.",
    _SECONDS,
)
OUTPUT_CHUNK = Metric(
    "gen_ai.client.operation.time_per_output_chunk",
    "s",
    "Time from one chunk of a streamed answer to the next.",
    _SECONDS,
)
COST_COUNTER = "fmsdk.client.cost"
COST_UNIT = "USD"
