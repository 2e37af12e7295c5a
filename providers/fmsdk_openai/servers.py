"""The servers that speak OpenAI's wire and have a name of their own: one row each.

A row is the entry point of its provider. What is not certain of a server is not in its row, so
that it is sent and the server decides. docs/decisions/0009-compatible-servers.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from fmsdk_openai import model_info
from fmsdk_openai.copilot import copilot_headers
from fmsdk_openai.dialect import CALL_ID_LIMITS, OPENAI, PDF, PICTURES, Dialect, Refusal
from fmsdk_openai.named import NamedServer

__all__ = ["SERVERS"]

_SEEN = date(2026, 11, 23)
_VLLM = "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html"
_SGLANG = "https://docs.sglang.ai/basic_usage/openai_api_completions.html"
_OLLAMA = "https://docs.ollama.com/api/openai-compatibility"
_LMSTUDIO = "https://lmstudio.ai/docs/developer/openai-compat/chat-completions"
_DEEPSEEK = "https://api-docs.deepseek.com/api/create-chat-completion"
_DEEPSEEK_THINKING = "https://api-docs.deepseek.com/guides/thinking_mode"
_ACCOUNT = (
    "options.user",
    "options.safety_identifier",
    "options.service_tier",
    "options.prompt_cache_key",
)
_HOSTED = ("options.store", "options.verbosity")
_XAI_THINKING = ("grok-3-mini*", "grok-4", "grok-4-0709", "grok-4-latest", "*-fast-reasoning")


def _of_a_vendors(title: str, source: str) -> tuple[Refusal, ...]:
    """What only a vendor's server has: accounts and, but for the Responses of some, a store."""
    why = f"{title} takes and ignores it"
    return (
        Refusal(names=_ACCOUNT, why=why, source=source, checked=_SEEN),
        Refusal(names=_HOSTED, why=why, source=source, checked=_SEEN, only_chat=True),
    )


VLLM = NamedServer(
    name="vllm",
    title="vLLM",
    source=_VLLM,
    checked=_SEEN,
    url="http://localhost:8000/v1",
    url_variables=("VLLM_BASE_URL",),
    key_variables=("VLLM_API_KEY",),
    is_local=True,
    listings=(model_info.SIZES,),
    dialect=Dialect(
        input=frozenset({"text", "image", "audio"}),
        refuses=(
            *_of_a_vendors("vLLM", _VLLM),
            Refusal(
                names=("detail",), why="vLLM takes and ignores it", source=_VLLM, checked=_SEEN
            ),
        ),
    ),
)

SGLANG = NamedServer(
    name="sglang",
    title="SGLang",
    source=_SGLANG,
    checked=_SEEN,
    url="http://localhost:30000/v1",
    url_variables=("SGLANG_BASE_URL",),
    key_variables=("SGLANG_API_KEY",),
    is_local=True,
    listings=(model_info.SIZES, model_info.SGLANG),
    dialect=Dialect(
        input=frozenset({"text", "image", "audio"}),
        refuses=_of_a_vendors("SGLang", _SGLANG),
    ),
)

LLAMACPP = NamedServer(
    name="llamacpp",
    title="llama.cpp",
    source="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
    checked=_SEEN,
    url="http://localhost:8080/v1",
    url_variables=("LLAMACPP_BASE_URL",),
    key_variables=("LLAMACPP_API_KEY", "LLAMA_API_KEY"),
    is_local=True,
    listings=(model_info.LLAMACPP,),
    dialect=Dialect(
        input=frozenset({"text", "image", "audio"}),
        images=frozenset({"image/png", "image/jpeg", "image/gif", "image/bmp"}),
        refuses=(
            Refusal(
                names=("detail", *_ACCOUNT, *_HOSTED),
                why="llama.cpp takes and ignores it",
                source="asked of llama.cpp's server in xllamacpp",
                checked=_SEEN,
            ),
        ),
    ),
)

OLLAMA = NamedServer(
    name="ollama",
    title="Ollama",
    source=_OLLAMA,
    checked=_SEEN,
    url="http://localhost:11434/v1",
    url_variables=("OLLAMA_BASE_URL", "OLLAMA_HOST"),
    key_variables=("OLLAMA_API_KEY",),
    is_local=True,
    listings=(model_info.OLLAMA,),
    dialect=Dialect(
        input=frozenset({"text", "image"}),
        remote=frozenset(),
        images=frozenset({"image/png", "image/jpeg", "image/webp"}),
        refuses=(
            Refusal(
                names=(
                    *("tool_choice", "choices", "detail", "options.parallel_tool_calls"),
                    *_ACCOUNT,
                    *_HOSTED,
                ),
                why="Ollama's wire has no such field",
                source=_OLLAMA,
                checked=_SEEN,
            ),
        ),
    ),
)

LMSTUDIO = NamedServer(
    name="lmstudio",
    title="LM Studio",
    source=_LMSTUDIO,
    checked=_SEEN,
    url="http://localhost:1234/v1",
    url_variables=("LMSTUDIO_BASE_URL",),
    key_variables=("LMSTUDIO_API_KEY", "LM_API_TOKEN"),
    is_local=True,
    listings=(model_info.LMSTUDIO,),
    dialect=Dialect(
        input=frozenset({"text", "image"}),
        remote=frozenset(),
        images=frozenset({"image/png", "image/jpeg", "image/webp"}),
        refuses=(
            *_of_a_vendors("LM Studio", _LMSTUDIO),
            Refusal(
                names=("logprobs", "choices"),
                why="LM Studio's Chat Completions has no such field",
                source=_LMSTUDIO,
                checked=_SEEN,
            ),
            Refusal(
                names=("named_tool",),
                why="LM Studio knows auto, none and required",
                source="https://lmstudio.ai/docs/developer/api-changelog",
                checked=_SEEN,
            ),
        ),
    ),
)

AZURE = NamedServer(
    name="azure",
    title="Azure OpenAI",
    source="https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle",
    checked=_SEEN,
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
    checked=_SEEN,
    url="https://openrouter.ai/api/v1",
    url_variables=("OPENROUTER_BASE_URL",),
    key_variables=("OPENROUTER_API_KEY",),
    price_id="openrouter",
    listings=(model_info.OPENROUTER,),
    dialect=Dialect(
        output=frozenset({"text", "audio", "image"}),
        images=PICTURES,
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
                checked=_SEEN,
            ),
        ),
    ),
)

GROQ = NamedServer(
    name="groq",
    title="Groq",
    source="https://console.groq.com/docs/openai",
    checked=_SEEN,
    url="https://api.groq.com/openai/v1",
    url_variables=("GROQ_BASE_URL",),
    key_variables=("GROQ_API_KEY",),
    price_id="groq",
    listings=(model_info.SIZES,),
    dialect=Dialect(
        limit="max_completion_tokens",
        input=frozenset({"text", "image"}),
        refuses=(
            Refusal(
                names=("logprobs", "choices"),
                why="Groq answers 400 to it",
                source="https://console.groq.com/docs/openai",
                checked=_SEEN,
            ),
        ),
    ),
)

MISTRAL = NamedServer(
    name="mistral",
    title="Mistral",
    source="https://docs.mistral.ai/api",
    checked=_SEEN,
    url="https://api.mistral.ai/v1",
    url_variables=("MISTRAL_BASE_URL",),
    key_variables=("MISTRAL_API_KEY",),
    price_id="mistral",
    listings=(model_info.MISTRAL,),
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
                checked=_SEEN,
            ),
        ),
    ),
)

DEEPSEEK = NamedServer(
    name="deepseek",
    title="DeepSeek",
    source=_DEEPSEEK,
    checked=_SEEN,
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
                checked=_SEEN,
            ),
            Refusal(
                names=("output",),
                why="DeepSeek writes JSON, but holds to no schema; ask for it in the prompt, with "
                "extra_body={'response_format': {'type': 'json_object'}}",
                source="https://api-docs.deepseek.com/guides/json_mode",
                checked=_SEEN,
            ),
            Refusal(
                names=("temperature",),
                why="DeepSeek ignores it while it thinks; reasoning='none' stops that",
                source=_DEEPSEEK_THINKING,
                checked=_SEEN,
                only_thinking=True,
            ),
            Refusal(
                names=("top_p",),
                why="DeepSeek's larger models ignore it while they think; reasoning='none' stops "
                "that",
                source=_DEEPSEEK_THINKING,
                checked=_SEEN,
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
    checked=_SEEN,
    url="https://api.x.ai/v1",
    url_variables=("XAI_BASE_URL",),
    key_variables=("XAI_API_KEY",),
    price_id="x-ai",
    listings=(model_info.XAI,),
    dialect=Dialect(
        limit="max_completion_tokens",
        input=frozenset({"text", "image"}),
        images=frozenset({"image/png", "image/jpeg"}),
        charge="cost_in_usd_ticks",
        refuses=(
            Refusal(
                names=("stop",),
                why="xAI's reasoning models refuse it",
                source="https://docs.x.ai/docs/guides/reasoning",
                checked=_SEEN,
                models=_XAI_THINKING,
            ),
        ),
    ),
)

TOGETHER = NamedServer(
    name="together",
    title="Together",
    source="https://docs.together.ai/docs/openai-api-compatibility",
    checked=_SEEN,
    url="https://api.together.xyz/v1",
    url_variables=("TOGETHER_BASE_URL",),
    key_variables=("TOGETHER_API_KEY",),
    price_id="together",
    listings=(model_info.SIZES,),
)

FIREWORKS = NamedServer(
    name="fireworks",
    title="Fireworks",
    source="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
    checked=_SEEN,
    url="https://api.fireworks.ai/inference/v1",
    url_variables=("FIREWORKS_BASE_URL",),
    key_variables=("FIREWORKS_API_KEY",),
    price_id="fireworks",
    listings=(model_info.FIREWORKS,),
)

COPILOT = NamedServer(
    name="copilot",
    title="GitHub Copilot",
    source="https://docs.github.com/en/copilot/reference/copilot-billing/models-and-pricing",
    checked=_SEEN,
    url="https://api.githubcopilot.com",
    hosts=("githubcopilot.com",),
    url_variables=("COPILOT_BASE_URL",),
    key_variables=("COPILOT_GITHUB_TOKEN", "GITHUB_COPILOT_TOKEN"),
    # Billed in AI credits of $0.01, drawn at GitHub's published price of each model.
    price_id="github-copilot",
    headers={"Editor-Version": "fmsdk/0.1", "Openai-Intent": "conversation-edits"},
    listings=(model_info.COPILOT,),
    dialect=Dialect(
        input=frozenset({"text", "image"}),
        remote=frozenset(),
        call_id_limits=CALL_ID_LIMITS,
        headers=copilot_headers,
    ),
)

SERVERS: Mapping[str, NamedServer] = {
    server.name: server
    for server in (
        *(VLLM, SGLANG, LLAMACPP, OLLAMA, LMSTUDIO),
        *(AZURE, OPENROUTER, GROQ, MISTRAL, DEEPSEEK, XAI, TOGETHER, FIREWORKS, COPILOT),
    )
}
"""The rows by name, the servers of one's own machine first."""
