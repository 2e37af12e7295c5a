"""From an `EmbedRequest` to a body of one of Google's embedding methods. Pure.

AI Studio has one method, `batchEmbedContents`. Vertex has three, by the model (google-genai,
`t_is_vertex_embed_content_model`): Gemini's models take `batchEmbedContents`, those offered as a
service ("maas") `embedContent`, and Google's older ones `predict`. Each text is a content of its
own: gemini-embedding-2 makes one vector of all parts of a content.
"""

from __future__ import annotations

from typing import Any, Literal

from fmsdk.embedding import EmbedLimits, EmbedRequest
from fmsdk.hosted.embedding import drop_other_options
from fmsdk.hosted.provider import Encoded
from fmsdk.hosted.request_builder import RequestBuilder
from fmsdk_google.encode.model_path import model_path
from fmsdk_google.options import options_of

__all__ = ["embed_limits", "encode_embeddings"]

_Method = Literal["batchEmbedContents", "embedContent", "predict"]
_OPTIONS = frozenset({"extra_body", "extra_headers", "task_type"})
# AI Studio answers 400 INVALID_ARGUMENT to more than 100. `predict` takes 250 texts and 20,000
# tokens.
_LIMITS: dict[_Method, EmbedLimits] = {
    "batchEmbedContents": EmbedLimits(items=100),
    "embedContent": EmbedLimits(items=1),
    "predict": EmbedLimits(items=250, tokens=20_000),
}


def embed_limits(model: str, *, vertex: bool) -> EmbedLimits:
    """How much one request holds."""
    return _LIMITS[_method(model, vertex)]


def encode_embeddings(request: EmbedRequest, *, vertex: bool, root: str) -> Encoded:
    """The body for `request`, and its path below the server's base URL.

    Args:
        vertex: whether Vertex is asked, which would cut off long texts in silence.
        root: the path above a model's, as `Connection.root` has it.

    Raises:
        BadRequestError: another provider's options.
        UnsupportedSetting: options that embeddings do not have.
    """
    builder = RequestBuilder(request, options_of(request), stream=False)
    drop_other_options(builder, _OPTIONS)
    method = _method(request.model, vertex)
    resource = model_path(request.model, vertex=vertex, root=root)
    config = _without_none(
        taskType=builder.options.task_type, outputDimensionality=request.dimensions
    )
    if method == "predict":
        task_type = builder.options.task_type
        body = {
            "instances": [_without_none(content=t, task_type=task_type) for t in request.inputs],
            "parameters": _without_none(
                outputDimensionality=request.dimensions, autoTruncate=False
            ),
        }
    elif not vertex:
        name = resource.removeprefix(f"{root}/")
        body = {
            "requests": [
                {"model": name, "content": _content(text), **config} for text in request.inputs
            ]
        }
    else:
        config["autoTruncate"] = False
        items = [{"content": _content(t), "embedContentConfig": config} for t in request.inputs]
        body = items[0] if method == "embedContent" else {"requests": items}
    return Encoded(
        path=f"{resource}:{method}",
        body=builder.merge_extra_body(body),
        warnings=builder.warnings(),
        headers=builder.options.extra_headers,
    )


def _method(model: str, vertex: bool) -> _Method:
    name = model.rpartition("/")[2]
    if not vertex:
        return "batchEmbedContents"
    if "maas" in name:
        return "embedContent"
    return "batchEmbedContents" if "gemini" in name else "predict"


def _content(text: str) -> dict[str, Any]:
    return {"parts": [{"text": text}]}


def _without_none(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
