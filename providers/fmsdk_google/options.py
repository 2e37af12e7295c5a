"""What a user can say to this provider alone: per request (`GoogleOptions`), and per client
(the mapping under the provider's name in `Client(providers=…)`, read into a `Connection`).

Knows the environment's variables and host names, the same that google-genai reads; opens nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote

from fmsdk.errors import BadRequestError, ConfigurationError
from fmsdk.hosted import options as wire
from fmsdk.hosted.connection import HostedConnection
from fmsdk.provider import ProviderConfig
from fmsdk.request import Request

__all__ = ["Connection", "GoogleOptions", "has_access", "key_variables", "options_of"]

STUDIO_URL = "https://generativelanguage.googleapis.com"
CREDENTIALS_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_STUDIO_VERSION = "v1beta"
_VERTEX_VERSION = "v1beta1"
_MULTI_REGIONS = ("eu", "us")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleOptions:
    """Google's own request fields, for `generate(…, options=GoogleOptions(…))`.

    safety_settings: threshold by category: `{"HARM_CATEGORY_HARASSMENT": "BLOCK_NONE"}`.
    cached_content: the name of a context cache: "cachedContents/…".
    thinking_budget: tokens to think with (Gemini 2.5); 0 for none, -1 as many as the model likes.
    include_thoughts: summaries of the thoughts in the answer, read as `response.reasoning`.
    top_k, presence_penalty, frequency_penalty: sampling.
    server_tools: tools that Google runs, as it names them: `[{"googleSearch": {}}]`.
    service_tier: "standard", "flex" or "priority"; `usage.service_tier` says which served.
    media_resolution: how closely pictures, films and pages are looked at; `Image(detail=…)` says
        it of one picture (Gemini 3 or later).
    voice: a prebuilt voice of spoken answers ("Kore").
    speech_config: Google's own object for spoken answers, in place of `voice`, for instance with
        several speakers.
    image_config: of generated pictures: `{"aspectRatio": "16:9"}`.
    labels: for Google's billing reports; on Vertex the request's tags are sent as labels, too.
    task_type: what embeddings are for: "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "CLUSTERING", …
        (gemini-embedding-001; later models read it in the text).
    extra_body: fields set last in the body, unchecked, objects merged into the body's own
        (`{"generationConfig": {…}}`); None takes one out.
    extra_headers: HTTP headers of this request.
    """

    safety_settings: Mapping[str, str] = field(default_factory=dict[str, str])
    cached_content: str | None = None
    thinking_budget: int | None = None
    include_thoughts: bool | None = None
    top_k: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    server_tools: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    service_tier: str | None = None
    media_resolution: Literal["low", "medium", "high"] | None = None
    voice: str | None = None
    speech_config: Mapping[str, Any] | None = None
    image_config: Mapping[str, Any] | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    task_type: str | None = None
    extra_body: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    extra_headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


_NO_OPTIONS = GoogleOptions()


def options_of(request: Request) -> GoogleOptions:
    """The request's options. Raises BadRequestError: they are another provider's."""
    return wire.options_of(request, GoogleOptions, _NO_OPTIONS)


def key_variables(name: str) -> tuple[str, ...]:
    """The environment variables that may hold the key of the provider `name`."""
    return ("GEMINI_API_KEY", "GOOGLE_API_KEY") if name == "google" else (wire.key_variable(name),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(HostedConnection):
    """Gemini's server: AI Studio, Vertex, or another that speaks the wire.

    vertex: Vertex rather than AI
    Studio; None leaves it to GOOGLE_GENAI_USE_VERTEXAI. project, location, credentials
    (google-auth's) are Vertex's; with an api_key and no project it is Vertex in express mode.
    client: a `google.genai.Client` that the caller built, whose key, credentials, project and
    base URL are taken; its connections are not used.
    """

    api_version: str | None = None
    vertex: bool | None = None
    project: str | None = None
    location: str | None = None
    credentials: Any = field(default=None, repr=False)

    @classmethod
    def of(cls, config: ProviderConfig) -> Connection:
        """Read a provider's configuration, and what it leaves out from the environment.

        Raises:
            BadRequestError: an option that does not exist, or a value that cannot be.
            ConfigurationError: Vertex without a project.
        """
        configuration = cls(name=config.name, **wire.read_options(config, cls))
        if (
            configuration.client is None
            and config.name not in ("google", "gemini")
            and not (configuration.base_url or configuration.vertex)
        ):
            raise BadRequestError(f"the provider {config.name!r} needs a base_url")
        configuration = (
            configuration._from_client()
            if configuration.client is not None
            else configuration._from_environment()
        )
        is_vertex = configuration.vertex
        if not is_vertex and (
            configuration.project or configuration.location or configuration.credentials
        ):
            raise BadRequestError("project, location and credentials need vertex=True")
        if is_vertex and not (
            configuration.project or configuration.api_key or configuration.base_url
        ):
            raise ConfigurationError(
                "Vertex needs a project: pass project=, or set GOOGLE_CLOUD_PROJECT",
                provider=config.name,
            )
        configuration.check_common()
        return configuration

    def _from_client(self) -> Connection:
        # google-genai has no public name for what is in here.
        own = getattr(self.client, "_api_client", None)
        if own is None:
            kind = type(self.client).__name__
            raise BadRequestError(f"client is a google.genai.Client, not {kind}")
        url = self.base_url or own._http_options.base_url
        connection = replace(self, base_url=url, api_key=own.api_key, vertex=bool(own.vertexai))
        if not connection.vertex:
            return connection
        return replace(
            connection, project=own.project, location=own.location, credentials=own._credentials
        )

    def _from_environment(self) -> Connection:
        vertex = self.vertex
        if vertex is None:
            names = ("GOOGLE_GENAI_USE_ENTERPRISE", "GOOGLE_GENAI_USE_VERTEXAI")
            vertex = (wire.from_environment(*names) or "").lower() in ("true", "1")
        if not vertex:
            url = self.base_url or wire.from_environment("GOOGLE_GEMINI_BASE_URL")
            key = self.api_key or wire.from_environment(*key_variables(self.name))
            return replace(self, vertex=False, base_url=url, api_key=key)
        done = replace(
            self,
            vertex=True,
            base_url=self.base_url or wire.from_environment("GOOGLE_VERTEX_BASE_URL"),
        )
        # As google-genai has it: an explicit key stands alone, a project beats the key around it.
        if self.api_key is not None:
            return done
        project = self.project or wire.from_environment("GOOGLE_CLOUD_PROJECT")
        project = project or getattr(self.credentials, "project_id", None)
        key = None if project else wire.from_environment("GOOGLE_API_KEY")
        location = self.location or wire.from_environment("GOOGLE_CLOUD_LOCATION")
        return replace(done, project=project, api_key=key, location=location)

    @property
    def url(self) -> str:
        """The base URL, without the API's version."""
        if self.base_url:
            return self.base_url.rstrip("/")
        if not self.vertex:
            return STUDIO_URL
        place = self.location or "global"
        if place == "global" or not self.project:
            return "https://aiplatform.googleapis.com"
        if place in _MULTI_REGIONS:
            return f"https://aiplatform.{place}.rep.googleapis.com"
        return f"https://{place}-aiplatform.googleapis.com"

    @property
    def root(self) -> str:
        """The path above a model's: the API's version, and on Vertex the project's."""
        if not self.vertex:
            return f"/{self.api_version or _STUDIO_VERSION}"
        version = f"/{self.api_version or _VERTEX_VERSION}"
        if not self.project:
            return version
        place = self.location or "global"
        return f"{version}/projects/{quote(self.project)}/locations/{quote(place)}"

    @property
    def is_own(self) -> bool:
        """Whether this is called Google."""
        return self.name == "google"

    @property
    def is_official(self) -> bool:
        """Whether the host is Google's own."""
        return wire.host_of(self.url).endswith(".googleapis.com")

    @property
    def secret(self) -> str | None:
        """The API key, where there is one."""
        return self.api_key.strip() or None if isinstance(self.api_key, str) else None

    @property
    def wants_credentials(self) -> bool:
        """Whether requests carry a token of Google Cloud rather than a key."""
        return bool(self.vertex) and self.secret is None and not callable(self.api_key)

    @property
    def variable(self) -> str:
        """The environment variable that a person would set to be let in."""
        return CREDENTIALS_VARIABLE if self.wants_credentials else key_variables(self.name)[0]

    @property
    def needs_key(self) -> bool:
        """Whether the server is AI Studio, which answers nobody without a key."""
        return self.is_official and not self.vertex

    def authorization(self, key: str) -> dict[str, str]:
        """Google's own header for keys."""
        return {"x-goog-api-key": key}

    def server_headers(self) -> dict[str, str]:
        """None."""
        return {}


def has_access() -> bool:
    """Whether the environment says how Google is reached: a key, or a project on Vertex."""
    return any(
        os.environ.get(name, "").strip()
        for name in (*key_variables("google"), CREDENTIALS_VARIABLE, "GOOGLE_CLOUD_PROJECT")
    )
