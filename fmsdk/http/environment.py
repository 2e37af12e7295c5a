"""Proxies and certificates, as the environment names them: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY,
NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from fmsdk.errors import ConfigurationError

__all__ = ["environment_proxy", "trusted_certificates"]


def environment_proxy(url: str) -> str | None:
    """The proxy that a request to `url` goes through; None: none.

    Raises:
        ConfigurationError: the proxy is no HTTP proxy (SOCKS, …), or its URL is not valid.
    """
    proxies = getproxies()
    if not proxies:
        return None
    parts = urlsplit(url)
    scheme = parts.scheme if parts.scheme in proxies else "all"
    proxy = proxies.get(scheme)
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        proxy_parts = urlsplit(proxy)
        is_usable = (
            proxy_parts.scheme in ("http", "https")
            and proxy_parts.hostname
            and proxy_parts.port != 0
        )
    except ValueError:
        is_usable = False
    if not is_usable:
        kind = proxy.partition("://")[0] if "://" in proxy[:12] else "?"
        raise ConfigurationError(
            f"{scheme.upper()}_PROXY names a proxy that cannot be used ({kind}://…): only http:// "
            f"and https:// proxies are spoken to. Unset it, or add {parts.hostname} to NO_PROXY"
        )
    return proxy


def trusted_certificates() -> ssl.SSLContext:
    """The certificates that servers are checked against: the system's, or those of
    SSL_CERT_FILE and SSL_CERT_DIR. Reads about 20 ms of files at first; call it in a thread."""
    return _read_certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=4)
def _read_certificates(file: str | None, folder: str | None) -> ssl.SSLContext:
    if file or folder:
        return ssl.create_default_context(cafile=file, capath=folder)
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or paths.capath or context.cert_store_stats()["x509_ca"]):
        import certifi  # macOS: Python's own installer leaves OpenSSL without any

        context.load_verify_locations(certifi.where())
    return context
