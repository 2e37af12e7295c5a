"""From a provider's name to a provider, by the entry points of the group `fmsdk.providers`.

Providers are created on first use and kept per event loop, since their connections belong to one.
The registry knows no provider by name. The entry points show why a provider cannot be used (missing
extra, unknown name).
"""

from __future__ import annotations

import asyncio
import difflib
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from fmsdk.catalog import tombstone
from fmsdk.errors import ConfigurationError, FmsdkError, MissingExtra, UnknownProvider
from fmsdk.hidden import HiddenDict
from fmsdk.keyword_hints import near_match_hint
from fmsdk.provider import (
    CONTRACT_VERSION,
    Progress,
    Provider,
    ProviderConfig,
    ProviderFactory,
    UsableModel,
)
from fmsdk.threads import run_in_thread

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "Registry", "fetcher", "installed_providers", "usable_models"]

GROUP = "fmsdk.providers"
_MIN_SIMILARITY = 0.7  # difflib's ratio of "gorq" to "groq" is 0.75, of "nope" to "openai" 0.6


@cache
def installed_providers() -> dict[str, EntryPoint]:
    """The entry points by provider name. Scanned once in a process."""
    from importlib.metadata import entry_points  # an eighth of what importing fmsdk would take

    return {point.name: point for point in entry_points(group=GROUP)}


class Registry:
    """The providers of one client.

    `configurations` maps a provider's name to its options, or to a ready provider. With the option
    "wire", a provider under a name of the user's own speaks another provider's wire.
    """

    def __init__(
        self,
        configurations: Mapping[str, Mapping[str, Any] | Provider],
        *,
        timeout: float | None,
        idle_timeout: float | None,
    ) -> None:
        self._configurations: dict[str, Mapping[str, Any] | Provider] = {
            name: HiddenDict(options) if isinstance(options, Mapping) else options
            for name, options in configurations.items()
        }
        for name, options in self._configurations.items():
            points = sorted(installed_providers())
            if isinstance(options, Mapping) and "wire" in options:
                wire = str(options["wire"])
                if wire not in points:
                    raise UnknownProvider(
                        f"the provider {name!r} has an unknown wire, {wire!r}"
                        f"{near_match_hint(wire, points)}",
                        nearest=tuple(difflib.get_close_matches(wire, points, 3, _MIN_SIMILARITY)),
                    )
            elif isinstance(options, Mapping) and name not in points:
                if (former := tombstone(name)) is not None:
                    raise former.error()
                nearest = tuple(difflib.get_close_matches(name, points, 3, _MIN_SIMILARITY))
                hint = f"did you mean {' or '.join(nearest)}? A" if nearest else "a"
                raise UnknownProvider(
                    f"no provider is called {name!r}; {hint} provider under a name of your own "
                    f"needs a wire: providers={{{name!r}: {{'wire': 'openai', 'base_url': …}}}} "
                    f"({', '.join(points)})",
                    nearest=nearest,
                )
        self._timeout = timeout
        self._idle_timeout = idle_timeout
        self._providers: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, dict[str, Provider]
        ] = weakref.WeakKeyDictionary()
        self._offline: dict[str, Provider] = {}

    def get(self, name: str) -> Provider:
        """The provider called `name`, for the running event loop.

        Raises:
            UnknownProvider, MissingExtra, MissingKey, ConfigurationError.
            ModelRetired: the provider was shut down.
        """
        providers = self._providers.setdefault(asyncio.get_running_loop(), {})
        provider = providers.get(name)
        if provider is None:
            provider = providers[name] = self.create(name)
        return provider

    async def import_provider(self, name: str) -> None:
        """Import the package of a provider in a thread, before `get`. On a busy machine that takes
        some tenths of a second, in which other tasks of the event loop must not wait."""
        if name not in self._providers.get(asyncio.get_running_loop(), {}):
            configuration = self._configurations.get(name, {})
            wire = configuration.get("wire", name) if isinstance(configuration, Mapping) else ""
            if (point := installed_providers().get(str(wire))) is not None:
                with suppress(ImportError):  # `create` raises it
                    await run_in_thread(point.load)

    def create(self, name: str) -> Provider:
        """A new provider called `name`, which the registry does not keep. Raises as `get` does."""
        configuration = self._configurations.get(name, {})
        if not isinstance(configuration, Mapping):
            return _check_contract(configuration, name)
        options = HiddenDict(configuration)
        wire = options.get("wire", name)
        config = ProviderConfig(
            name=name, options=options, timeout=self._timeout, idle_timeout=self._idle_timeout
        )
        point = _entry_point(str(wire), also=self._configurations)
        try:
            return _check_contract(_load_factory(point)(config), name)
        except ModuleNotFoundError as error:
            raise _missing_extra(point, error) from error

    def get_offline(self, name: str) -> Provider:
        """The provider called `name`, for what sends nothing, so that it belongs to no event loop.
        Raises as `get` does."""
        provider = self._offline.get(name)
        if provider is None:
            provider = self._offline[name] = self.create(name)
        return provider

    def release(self) -> list[Provider]:
        """The running loop's providers, for the caller to close. Calls that begin later get new
        ones."""
        return list(self._providers.pop(asyncio.get_running_loop(), {}).values())


def _entry_point(name: str, *, also: Iterable[str] = ()) -> EntryPoint:
    points = installed_providers()
    if name in points:
        return points[name]
    if (former := tombstone(name)) is not None:
        raise former.error()
    names = sorted({*points, *also})
    nearest = tuple(difflib.get_close_matches(name, names, n=3, cutoff=_MIN_SIMILARITY))
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"known: {', '.join(names)}"
    raise UnknownProvider(f"no provider is called {name!r}; {hint}", nearest=nearest)


def _load_factory(point: EntryPoint) -> ProviderFactory:
    """The object that the entry point names.

    Raises:
        ModuleNotFoundError: its SDK or engine is not installed.
        ConfigurationError: it imports names that this version of the contract does not have.
    """
    try:
        return cast("ProviderFactory", point.load())
    except ImportError as error:
        if error.name is None or not error.name.startswith("fmsdk."):
            raise
        raise _other_contract(point.name, "another version") from error


def _check_contract(provider: object, name: str) -> Provider:
    version: object = getattr(provider, "contract_version", None)
    if version == CONTRACT_VERSION and isinstance(provider, Provider):
        return provider
    if version == CONTRACT_VERSION or not isinstance(version, int):
        raise ConfigurationError(
            f"the provider {name!r} is no fmsdk.provider.Provider but a {type(provider).__name__}; "
            "its options are a mapping, such as {'api_key': …}"
        )
    raise _other_contract(name, f"version {version}")


def _other_contract(name: str, version: str) -> ConfigurationError:
    return ConfigurationError(
        f"the provider {name!r} was written for {version} of fmsdk's provider contract; this fmsdk "
        f"has version {CONTRACT_VERSION}. Upgrade the package of the provider, or install the "
        "release of fmsdk that it was written for"
    )


def _missing_extra(point: EntryPoint, error: ModuleNotFoundError) -> FmsdkError:
    if not point.extras:
        return ConfigurationError(f"the provider {point.name!r} needs the module {error.name!r}")
    extra = point.extras[0]
    return MissingExtra(
        f"{point.name} needs {error.name}, which is not installed: pip install 'fmsdk[{extra}]'",
        extra=extra,
        provider=point.name,
    )


def usable_models() -> list[UsableModel]:
    """The models of every installed provider: whether they are usable, and if not, why. Providers
    are asked at the same time, since some ask a server on this machine."""
    listings: dict[str, list[UsableModel]] = {}

    def add_listing(name: str, factory: ProviderFactory) -> None:
        try:
            listings[name] = factory.usable_models() or [UsableModel(f"{name}:…", True)]
        except Exception as error:  # whatever one provider does, the others are listed
            why = error.message if isinstance(error, FmsdkError) else type(error).__name__
            listings[name] = [UsableModel(f"{name}:…", False, f"it cannot list its models: {why}")]

    threads: list[threading.Thread] = []
    for name, point in installed_providers().items():
        try:
            factory = _load_factory(point)
        except ModuleNotFoundError as error:
            note = _missing_extra(point, error).message
            listings[name] = [UsableModel(f"{name}:…", False, note)]
        except ConfigurationError as error:
            listings[name] = [UsableModel(f"{name}:…", False, error.message)]
        else:
            threads.append(threading.Thread(target=add_listing, args=(name, factory), daemon=True))
            threads[-1].start()
    for thread in threads:
        thread.join()
    return [model for name in sorted(listings) for model in listings[name]]


def fetcher(name: str) -> Callable[[str, Progress], str]:
    """`fetch_model` of the provider called `name`: see `fmsdk.provider.Provider.fetch_model`.

    Raises:
        UnknownProvider, MissingExtra.
        ConfigurationError: the provider fetches no models.
    """
    point = _entry_point(name)
    try:
        fetch = _load_factory(point).fetch_model
    except ModuleNotFoundError as error:
        raise _missing_extra(point, error) from error
    if fetch is Provider.fetch_model:
        raise ConfigurationError(f"{name} has no models to fetch: they run elsewhere")
    return fetch
