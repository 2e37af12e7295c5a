"""Servers that run on one's own machine, one row each.

What is not certain of a server is not in its row, so that it is sent and the server decides.
docs/decisions/0009-compatible-servers.md has the reasons.
"""

from __future__ import annotations

from datetime import date

from fmsdk_openai.model_info import ModelsEndpoint
from fmsdk_openai.server_dialect import Dialect, Refusal
from fmsdk_openai.servers import listings
from fmsdk_openai.servers.named_server import NamedServer

__all__ = ["LLAMACPP", "LMSTUDIO", "OLLAMA", "SGLANG", "VLLM"]

_CHECKED = date(2026, 11, 23)
_VLLM = "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html"
_SGLANG = "https://docs.sglang.ai/basic_usage/openai_api_completions.html"
_OLLAMA = "https://docs.ollama.com/api/openai-compatibility"
_LMSTUDIO = "https://lmstudio.ai/docs/developer/openai-compat/chat-completions"
_ACCOUNT = (
    "options.user",
    "options.safety_identifier",
    "options.service_tier",
    "options.prompt_cache_key",
)
_STORE = ("options.store", "options.verbosity")


def _refuses_account_options(title: str, source: str) -> tuple[Refusal, ...]:
    """Only vendors' servers have accounts and, apart from the Responses of some, a store."""
    why = f"{title} takes and ignores it"
    return (
        Refusal(names=_ACCOUNT, why=why, source=source, checked=_CHECKED),
        Refusal(names=_STORE, why=why, source=source, checked=_CHECKED, only_chat=True),
    )


VLLM = NamedServer(
    name="vllm",
    title="vLLM",
    source=_VLLM,
    checked=_CHECKED,
    url="http://localhost:8000/v1",
    url_variables=("VLLM_BASE_URL",),
    key_variables=("VLLM_API_KEY",),
    is_local=True,
    listings=(ModelsEndpoint("models", listings.describe_sizes),),
    dialect=Dialect(
        input=frozenset({"text", "image", "audio"}),
        reads_orientation=False,
        result_images=True,
        refuses=(
            *_refuses_account_options("vLLM", _VLLM),
            Refusal(
                names=("detail",), why="vLLM takes and ignores it", source=_VLLM, checked=_CHECKED
            ),
        ),
    ),
)

SGLANG = NamedServer(
    name="sglang",
    title="SGLang",
    source=_SGLANG,
    checked=_CHECKED,
    url="http://localhost:30000/v1",
    url_variables=("SGLANG_BASE_URL",),
    key_variables=("SGLANG_API_KEY",),
    is_local=True,
    listings=(
        ModelsEndpoint("models", listings.describe_sizes),
        ModelsEndpoint("../get_model_info", listings.describe_sglang),
    ),
    dialect=Dialect(
        input=frozenset({"text", "image", "audio"}),
        reads_orientation=False,
        result_images=True,
        refuses=_refuses_account_options("SGLang", _SGLANG),
    ),
)

LLAMACPP = NamedServer(
    name="llamacpp",
    title="llama.cpp",
    source="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
    checked=_CHECKED,
    url="http://localhost:8080/v1",
    url_variables=("LLAMACPP_BASE_URL",),
    key_variables=("LLAMACPP_API_KEY", "LLAMA_API_KEY"),
    is_local=True,
    listings=(ModelsEndpoint("../props", listings.describe_llamacpp),),
    dialect=Dialect(
        input=frozenset({"text", "image", "audio"}),
        reads_orientation=False,
        result_images=True,
        images=frozenset({"image/png", "image/jpeg", "image/gif", "image/bmp"}),
        refuses=(
            Refusal(
                names=("detail", *_ACCOUNT, *_STORE),
                why="llama.cpp takes and ignores it",
                source="asked of llama.cpp's server in xllamacpp",
                checked=_CHECKED,
            ),
        ),
    ),
)

OLLAMA = NamedServer(
    name="ollama",
    title="Ollama",
    source=_OLLAMA,
    checked=_CHECKED,
    url="http://localhost:11434/v1",
    url_variables=("OLLAMA_BASE_URL", "OLLAMA_HOST"),
    key_variables=("OLLAMA_API_KEY",),
    is_local=True,
    listings=(ModelsEndpoint("../api/show", listings.describe_ollama, by_model=True),),
    dialect=Dialect(
        input=frozenset({"text", "image"}),
        reads_orientation=False,
        result_images=True,
        remote=frozenset(),
        images=frozenset({"image/png", "image/jpeg", "image/webp"}),
        refuses=(
            Refusal(
                names=(
                    *("tool_choice", "choices", "detail", "options.parallel_tool_calls"),
                    *_ACCOUNT,
                    *_STORE,
                ),
                why="Ollama's wire has no such field",
                source=_OLLAMA,
                checked=_CHECKED,
            ),
        ),
    ),
)

LMSTUDIO = NamedServer(
    name="lmstudio",
    title="LM Studio",
    source=_LMSTUDIO,
    checked=_CHECKED,
    url="http://localhost:1234/v1",
    url_variables=("LMSTUDIO_BASE_URL",),
    key_variables=("LMSTUDIO_API_KEY", "LM_API_TOKEN"),
    is_local=True,
    listings=(ModelsEndpoint("../api/v0/models", listings.describe_lmstudio),),
    dialect=Dialect(
        input=frozenset({"text", "image"}),
        reads_orientation=False,
        result_images=True,
        remote=frozenset(),
        images=frozenset({"image/png", "image/jpeg", "image/webp"}),
        refuses=(
            *_refuses_account_options("LM Studio", _LMSTUDIO),
            Refusal(
                names=("logprobs", "choices"),
                why="LM Studio's Chat Completions has no such field",
                source=_LMSTUDIO,
                checked=_CHECKED,
            ),
            Refusal(
                names=("named_tool",),
                why="LM Studio knows auto, none and required",
                source="https://lmstudio.ai/docs/developer/api-changelog",
                checked=_CHECKED,
            ),
        ),
    ),
)
