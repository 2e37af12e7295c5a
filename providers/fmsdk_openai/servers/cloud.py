"""Vendors' servers that speak OpenAI's API, one row each.

What is not certain of a server is not in its row, so that it is sent and the server decides.
docs/decisions/0009-compatible-servers.md has the reasons.
"""

from __future__ import annotations

from datetime import date

from fmsdk_openai.copilot import copilot_headers
from fmsdk_openai.model_info import ModelsEndpoint
from fmsdk_openai.server_dialect import CALL_ID_LIMITS, OPENAI, PDF, PICTURES, Dialect, Refusal
from fmsdk_openai.servers import listings
from fmsdk_openai.servers.named_server import NamedServer

__all__ = [
    "AZURE",
    "COPILOT",
    "DEEPSEEK",
    "FIREWORKS",
    "GROQ",
    "MISTRAL",
    "OPENROUTER",
    "TOGETHER",
    "XAI",
]

_CHECKED = date(2026, 11, 23)
_DEEPSEEK = "https://api-docs.deepseek.com/api/create-chat-completion"
_DEEPSEEK_THINKING = "https://api-docs.deepseek.com/guides/thinking_mode"
_XAI_THINKING = ("grok-3-mini*", "grok-4", "grok-4-0709", "grok-4-latest", "*-fast-reasoning")

AZURE = NamedServer(
    name="azure",
    title="Azure OpenAI",
    source="https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle",
    checked=_CHECKED,
    hosts=(
        "openai.azure.com",
        "services.ai.azure.com",
        "cognitiveservices.azure.com",
        "openai.azure.us",
    ),
    url_variables=("AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT"),
    key_variables=("AZURE_OPENAI_API_KEY",),
    key_header="api-key",
    price_id="azure",
    dialect=OPENAI,
)

OPENROUTER = NamedServer(
    name="openrouter",
    title="OpenRouter",
    source="https://openrouter.ai/docs/api-reference/parameters",
    checked=_CHECKED,
    url="https://openrouter.ai/api/v1",
    url_variables=("OPENROUTER_BASE_URL",),
    key_variables=("OPENROUTER_API_KEY",),
    price_id="openrouter",
    listings=(ModelsEndpoint("models", listings.describe_openrouter),),
    dialect=Dialect(
        output=frozenset({"text", "audio", "image"}),
        images=PICTURES,
        result_images=True,
        documents=PDF,
        annotations=True,
        cache_control=("anthropic/*", "google/gemini-*"),
        strictly={"provider": {"require_parameters": True}},
        charge="cost",
        refuses=(
            Refusal(
                names=("choices",),
                why="OpenRouter answers once",
                source="https://openrouter.ai/docs/api-reference/parameters",
                checked=_CHECKED,
            ),
        ),
    ),
)

GROQ = NamedServer(
    name="groq",
    title="Groq",
    source="https://console.groq.com/docs/openai",
    checked=_CHECKED,
    url="https://api.groq.com/openai/v1",
    url_variables=("GROQ_BASE_URL",),
    key_variables=("GROQ_API_KEY",),
    price_id="groq",
    listings=(ModelsEndpoint("models", listings.describe_sizes),),
    dialect=Dialect(
        limit="max_completion_tokens",
        input=frozenset({"text", "image"}),
        refuses=(
            Refusal(
                names=("logprobs", "choices"),
                why="Groq answers 400 to it",
                source="https://console.groq.com/docs/openai",
                checked=_CHECKED,
            ),
        ),
    ),
)

MISTRAL = NamedServer(
    name="mistral",
    title="Mistral",
    source="https://docs.mistral.ai/api",
    checked=_CHECKED,
    url="https://api.mistral.ai/v1",
    url_variables=("MISTRAL_BASE_URL",),
    key_variables=("MISTRAL_API_KEY",),
    price_id="mistral",
    listings=(ModelsEndpoint("models", listings.describe_mistral),),
    dialect=Dialect(
        seed="random_seed",
        required="any",
        remote=frozenset({"image", "document"}),
        images=PICTURES,
        document_url=True,
        bare_audio=True,
        call_id_length=9,
        stream_usage=False,
        refuses=(
            Refusal(
                names=("logprobs",),
                why="Mistral's API has no such field",
                source="https://docs.mistral.ai/api",
                checked=_CHECKED,
            ),
        ),
    ),
)

DEEPSEEK = NamedServer(
    name="deepseek",
    title="DeepSeek",
    source=_DEEPSEEK,
    checked=_CHECKED,
    url="https://api.deepseek.com",
    url_variables=("DEEPSEEK_BASE_URL",),
    key_variables=("DEEPSEEK_API_KEY",),
    price_id="deepseek",
    dialect=Dialect(
        input=frozenset({"text", "image"}),
        no_reasoning={"thinking": {"type": "disabled"}},
        refuses=(
            Refusal(
                names=("seed", "choices"),
                why="DeepSeek's API has no such field",
                source=_DEEPSEEK,
                checked=_CHECKED,
            ),
            Refusal(
                names=("output",),
                why="DeepSeek writes JSON, but holds to no schema; ask for it in the prompt, with "
                "extra_body={'response_format': {'type': 'json_object'}}",
                source="https://api-docs.deepseek.com/guides/json_mode",
                checked=_CHECKED,
            ),
            Refusal(
                names=("temperature",),
                why="DeepSeek ignores it while it thinks; reasoning='none' stops that",
                source=_DEEPSEEK_THINKING,
                checked=_CHECKED,
                only_thinking=True,
            ),
            Refusal(
                names=("top_p",),
                why="DeepSeek's larger models ignore it while they think; reasoning='none' stops "
                "that",
                source=_DEEPSEEK_THINKING,
                checked=_CHECKED,
                models=("*-pro", "*-pro-*"),
                only_thinking=True,
            ),
        ),
    ),
)

XAI = NamedServer(
    name="xai",
    title="xAI",
    source="https://docs.x.ai/docs/api-reference",
    checked=_CHECKED,
    url="https://api.x.ai/v1",
    url_variables=("XAI_BASE_URL",),
    key_variables=("XAI_API_KEY",),
    price_id="x-ai",
    listings=(ModelsEndpoint("language-models", listings.describe_xai),),
    dialect=Dialect(
        limit="max_completion_tokens",
        input=frozenset({"text", "image"}),
        images=frozenset({"image/png", "image/jpeg"}),
        result_images=True,
        charge="cost_in_usd_ticks",
        refuses=(
            Refusal(
                names=("stop",),
                why="xAI's reasoning models refuse it",
                source="https://docs.x.ai/docs/guides/reasoning",
                checked=_CHECKED,
                models=_XAI_THINKING,
            ),
        ),
    ),
)

TOGETHER = NamedServer(
    name="together",
    title="Together",
    source="https://docs.together.ai/docs/openai-api-compatibility",
    checked=_CHECKED,
    url="https://api.together.xyz/v1",
    url_variables=("TOGETHER_BASE_URL",),
    key_variables=("TOGETHER_API_KEY",),
    price_id="together",
    listings=(ModelsEndpoint("models", listings.describe_sizes),),
)

FIREWORKS = NamedServer(
    name="fireworks",
    title="Fireworks",
    source="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
    checked=_CHECKED,
    url="https://api.fireworks.ai/inference/v1",
    url_variables=("FIREWORKS_BASE_URL",),
    key_variables=("FIREWORKS_API_KEY",),
    price_id="fireworks",
    listings=(ModelsEndpoint("models", listings.describe_fireworks),),
)

COPILOT = NamedServer(
    name="copilot",
    title="GitHub Copilot",
    source="https://docs.github.com/en/copilot/reference/copilot-billing/models-and-pricing",
    checked=_CHECKED,
    url="https://api.githubcopilot.com",
    hosts=("githubcopilot.com",),
    url_variables=("COPILOT_BASE_URL",),
    key_variables=("COPILOT_GITHUB_TOKEN", "GITHUB_COPILOT_TOKEN"),
    # Billed in AI credits of $0.01, drawn at GitHub's published price of each model.
    price_id="github-copilot",
    headers={"Editor-Version": "fmsdk/0.1", "Openai-Intent": "conversation-edits"},
    listings=(ModelsEndpoint("models", listings.describe_copilot),),
    dialect=Dialect(
        input=frozenset({"text", "image"}),
        remote=frozenset(),
        call_id_limits=CALL_ID_LIMITS,
        headers=copilot_headers,
    ),
)
