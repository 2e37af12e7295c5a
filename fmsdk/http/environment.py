"""Proxies and certificates, as the environment names them: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY,
NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR. Imports no HTTP library."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import lru_cache
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from fmsdk.errors import ConfigurationError, FmsdkError

__all__ = ["environment_error", "environment_errors", "environment_proxy", "trusted_certificates"]

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_KEY_LOG = "SSLKEYLOGFILE"
"""A file that Python's own `ssl` writes keys into."""
_SOCKS = frozenset({"socks", "socks4", "socks4a", "socks5", "socks5h"})
_HOST = re.compile(r"[\w.:-]+")
_PORTS = {"http": 80, "https": 443}


def environment_proxy(url: str) -> str | None:
    """The proxy that a request to `url` goes through; None: none.

    Hosts in NO_PROXY are reached without: "*", a name, which stands for its subdomains, too, an
    address or a network (10.0.0.0/8), each with a port or without.

    Raises:
        ConfigurationError: the proxy is no HTTP proxy (SOCKS, …), or its URL is not valid.
    """
    proxies = getproxies()
    parts = urlsplit(url)
    scheme = parts.scheme if parts.scheme in proxies else "all"
    proxy = proxies.get(scheme, "").strip()
    if not proxy or _is_excluded(parts, proxies.get("no", "")):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    kind = proxy.partition("://")[0].lower()
    if not _is_usable(proxy):
        name = f"{scheme}_proxy"
        variable = name if name in os.environ else name.upper()
        why = f"{kind}:// proxies cannot be used" if kind in _SOCKS else "its URL is not valid"
        raise ConfigurationError(
            f"{variable} names a proxy for {parts.hostname}, but {why}. Set it to "
            f"http://HOST:PORT, unset it, add {parts.hostname} to NO_PROXY, or give the provider "
            "an http_client of your own"
        )
    return proxy


def _is_excluded(parts: SplitResult, exceptions: str) -> bool:
    """Whether NO_PROXY, or the system's settings, except a URL from proxies."""
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return True
    host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme)
    for entry in re.split(r"[\s,]+", exceptions.lower()):
        if entry == "*":
            return True
        with suppress(ValueError):  # neither an address nor a network
            if ip_address(host.partition("%")[0]) in ip_network(entry.strip("[]"), strict=False):
                return True
        with suppress(ValueError):
            exception = urlsplit(entry if "://" in entry else f"//{entry}")
            name = (exception.hostname or "").removeprefix("*").strip(".")
            is_host = bool(name) and (host == name or host.endswith(f".{name}"))
            if is_host and exception.port in (None, port):
                return True
    return False


def _is_usable(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        host, port = parts.hostname or "", parts.port
        if ":" in host:
            ip_address(host)
        host.encode("idna")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        f"{user}:{password}".encode("latin-1")  # as the header that carries them
    except ValueError:
        return False
    return (
        parts.scheme in _PORTS
        and _HOST.fullmatch(host) is not None
        and port != 0
        and ":" not in user
        and not (parts.path.strip("/") or parts.query or parts.fragment)
    )


def environment_error() -> ConfigurationError | None:
    """The error that names the environment's variables that HTTP libraries cannot use; None where
    they can use all. It holds no values, since proxies hold passwords."""
    names = [
        name
        for name in (*_PROXIES, *map(str.upper, _PROXIES))
        if (value := os.environ.get(name, "").strip())
        and not _is_usable(value if "://" in value else f"http://{value}")
    ]
    names += [
        name
        for name in _CERTIFICATES
        if (value := os.environ.get(name)) and not any(map(os.path.exists, value.split(os.pathsep)))
    ]
    return _name_variables(names) if names else None


@contextmanager
def environment_errors() -> Generator[None]:
    """Building a connection inside raises one typed error, whatever the HTTP library makes of the
    environment's variables. Where none is set, errors stay as they are.

    Raises:
        ConfigurationError: as `environment_error`; or names all variables that are set.
    """
    try:
        yield
    except FmsdkError:
        raise
    except Exception:  # each library has its own, and some quote a proxy's password
        names = [*_PROXIES, *map(str.upper, _PROXIES), *_CERTIFICATES, _KEY_LOG]
        names = [name for name in names if os.environ.get(name)]
        if not names:
            raise
        raise (environment_error() or _name_variables(names)) from None


def _name_variables(names: list[str]) -> ConfigurationError:
    return ConfigurationError(
        f"no connection can be made with this environment: see {', '.join(names)}. A proxy is "
        "http://HOST:PORT, certificates are a file or directory that can be read. Correct it, or "
        "unset it"
    )


def trusted_certificates() -> ssl.SSLContext:
    """The certificates that servers are checked against: the system's, or those of
    SSL_CERT_FILE and SSL_CERT_DIR. Reads about 20 ms of files at first; call it in a thread.

    Raises:
        ConfigurationError: these variables name what cannot be read.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if folder and not any(map(os.path.isdir, folder.split(os.pathsep))):
        raise ConfigurationError(
            f"SSL_CERT_DIR names {folder}, which is no directory: correct or unset it"
        )
    try:
        return _read_certificates(file, folder)
    except (OSError, ValueError) as error:
        if not file or not (isinstance(error, ssl.SSLError) or not os.path.isfile(file)):
            with environment_errors():
                raise
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigurationError(
            f"SSL_CERT_FILE names {file}, which cannot be read as certificates ({reason}): correct "
            "or unset it"
        ) from error


@lru_cache(maxsize=4)
def _read_certificates(file: str | None, folder: str | None) -> ssl.SSLContext:
    if file or folder:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or paths.capath or context.cert_store_stats()["x509_ca"]):
        import certifi  # macOS: Python's own installer leaves OpenSSL without any

        context.load_verify_locations(certifi.where())
    return context
