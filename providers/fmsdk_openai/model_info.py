"""What a server says of a model, and where it says it.

Facts narrow what is sent; without them nothing is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace

from fmsdk.content import Modality
from fmsdk.provider import Capabilities
from fmsdk_openai.server_dialect import Api

__all__ = ["ANY_MODEL", "ModelInfo", "ModelsEndpoint", "narrow_capabilities"]

ANY_MODEL = "*"
"""Stands for every model, where a server runs only one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What a server says of a model. None: it does not say, which restricts nothing.

    refuses: `Settings` that the model does not have. api: the only one that it answers on.
    context, max_output: tokens.
    """

    input: frozenset[Modality] | None = None
    refuses: frozenset[str] | None = None
    tools: bool | None = None
    structured: bool | None = None
    context: int | None = None
    max_output: int | None = None
    api: Api | None = None

    def combined_with(self, other: ModelInfo) -> ModelInfo:
        """This, with what `other` says where this does not."""
        changes = {
            spec.name: getattr(other, spec.name)
            for spec in fields(self)
            if getattr(self, spec.name) is None
        }
        return replace(self, **changes)


def narrow_capabilities(capabilities: Capabilities, info: ModelInfo | None) -> Capabilities:
    """What the model takes of what the API takes. A model is known once its modalities are."""
    if info is None:
        return capabilities
    return replace(
        capabilities,
        input=capabilities.input if info.input is None else capabilities.input & info.input,
        settings=capabilities.settings - (info.refuses or frozenset()),
        tools=capabilities.tools and info.tools is not False,
        structured=capabilities.structured and info.structured is not False,
        context=info.context or capabilities.context,
        max_output=info.max_output or capabilities.max_output,
        known=capabilities.known or info.input is not None,
    )


@dataclass(frozen=True, slots=True)
class ModelsEndpoint:
    """Where a server describes its models, and how to read it.

    path: from the base URL. describe: reads the answer's JSON into the facts by model.
    by_model: it is asked by POST, for one model, whose facts stand under `ANY_MODEL`.
    """

    path: str
    describe: Callable[[bytes], Iterator[tuple[str, ModelInfo]]]
    by_model: bool = False

    def read(self, body: bytes) -> dict[str, ModelInfo]:
        """The facts by model; none where the answer cannot be read."""
        try:
            return dict(self.describe(body))
        except ValueError:
            return {}
