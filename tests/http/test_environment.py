"""Proxies as the environment names them."""

from __future__ import annotations

import pytest

from fmsdk.errors import ConfigurationError
from fmsdk.http.environment import environment_error, environment_errors, environment_proxy
from tests.support.http_variables import delete_http_variables

URL = "https://models.example:8443/v1"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    delete_http_variables(monkeypatch)


def test_without_variables_no_proxy_is_used() -> None:
    assert environment_proxy(URL) is None


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, None),
        ({"ALL_PROXY": "p:1"}, "http://p:1"),
        ({"ALL_PROXY": "http://p:1", "HTTPS_PROXY": "http://q:1"}, "http://q:1"),
        ({"ALL_PROXY": "socks5://p:1", "NO_PROXY": "models.example"}, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "other.example"}, "http://p:1"),
        ({"HTTPS_PROXY": ""}, None),
    ],
)
def test_the_proxy_of_a_url(
    variables: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert environment_proxy(URL) == proxy


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize(
    "proxy", ["socks5://user:hunter2@p:1", "socks://p:1", "socks4a://p", "http://", "http://p:x"]
)
def test_a_proxy_that_cannot_be_used_names_its_variable(
    variable: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(ConfigurationError, match=variable) as caught:
        environment_proxy(URL)
    assert "hunter2" not in str(caught.value)
    assert "NO_PROXY" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "exceptions", "is_excluded"),
    [
        ("https://a.example", "a.example", True),
        ("https://a.example", "A.Example", True),
        ("https://a.example.", "a.example", True),
        ("https://sub.a.example", "a.example", True),
        ("https://sub.a.example", ".a.example", True),
        ("https://sub.a.example", "*.a.example", True),
        ("https://nota.example", "a.example", False),
        ("https://a.example", "b.example, *", True),
        ("https://a.example", "b.example a.example", True),
        ("https://a.example", "https://a.example", True),
        ("https://a.example", "a.example:443", True),
        ("https://a.example", "a.example:8443", False),
        ("https://a.example:8443", "a.example:8443", True),
        ("http://10.1.2.3/v1", "10.0.0.0/8", True),
        ("http://10.1.2.3/v1", "10.1.2.3", True),
        ("http://11.1.2.3/v1", "10.0.0.0/8", False),
        ("http://10.1.2.3/v1", "10.0.0.0/99", False),
        ("http://[::1]:8000/v1", "::1", True),
        ("http://[::1]:8000/v1", "[::1]", True),
        ("http://[::1]:8000/v1", "[::1]:8000", True),
        ("http://[::1]:8000/v1", "[::1]:9000", False),
        ("http://[fd00::5]/v1", "fd00::/8", True),
        ("http://user:secret@a.example/v1", "a.example", True),
        ("https://a.example", ",, [ ,:x,//", False),
    ],
)
def test_hosts_without_a_proxy(
    url: str, exceptions: str, is_excluded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://p:1")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert (environment_proxy(url) is None) is is_excluded


def test_errors_of_a_library_name_what_is_wrong_or_all_that_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def message() -> str:
        with pytest.raises(ConfigurationError) as caught, environment_errors():
            raise ValueError("http://ann:hunter2@p")
        assert caught.value.__cause__ is None
        return str(caught.value)

    assert environment_error() is None
    with pytest.raises(ValueError, match="x"), environment_errors():
        raise ValueError("x")
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:hunter2@p:1")
    assert environment_error() is None
    assert "see HTTPS_PROXY." in message()
    monkeypatch.setenv("all_proxy", "socks5://ann:hunter2@p:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert "see all_proxy, REQUESTS_CA_BUNDLE." in message()
    assert "hunter2" not in message()
