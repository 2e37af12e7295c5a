"""An environment without the variables that change how connections are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

__all__ = ["delete_http_variables"]

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def delete_http_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delete every variable of proxies and certificates, for one test."""
    for name in (*_PROXIES, *map(str.lower, _PROXIES), *_CERTIFICATES):
        monkeypatch.delenv(name, raising=False)
