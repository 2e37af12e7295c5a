"""Chat templates come from anywhere: reading and rendering one is bounded."""

from __future__ import annotations

import json
import threading
import tracemalloc
from pathlib import Path
from time import thread_time

import pytest

from fmsdk.errors import CheckpointError
from fmsdk_local.models.chat_template import (
    limit_rendering,
    read_chat_template,
    template_names,
)
from tests.support.lazy_import import LazyModule

sandbox = LazyModule("jinja2.sandbox")
template_utils = LazyModule("transformers.utils.chat_template_utils")


@pytest.mark.parametrize("text", ["{%" * 20_000, "{{" * 20_000, "{% '" * 10_000, "{{ x }}" * 9000])
def test_names_of_a_hostile_template_are_found_at_once(text: str) -> None:
    begin = thread_time()
    template_names(text)
    assert thread_time() - begin < 1.0


def test_names_are_those_of_the_code() -> None:
    text = "no {% if tools %}{{ 'word' ~ x.y }}{% endif %} this {{- enable_thinking -}} {% cut"
    assert template_names(text) == {"if", "tools", "x", "y", "endif", "enable_thinking", "cut"}


LOOPS = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}",
    (
        "{% macro m() %}{% for b in range(99999) %}{% endfor %}{% endmacro %}"
        "{% for a in range(999) %}{% set x = m() %}{% endfor %}"
    ),
]


@pytest.mark.parametrize("text", LOOPS)
def test_a_template_that_loops_is_one_error(text: str) -> None:
    template = sandbox.ImmutableSandboxedEnvironment().from_string(text)
    with pytest.raises(CheckpointError, match="steps"), limit_rendering():
        template.render()
    with limit_rendering():
        shown = sandbox.ImmutableSandboxedEnvironment().from_string("{{ 1 + 1 }}").render()
    assert shown == "2"


GROWTH = "{% set ns = namespace(x='aaaa') %}{% for i in range(99) %}STEP{% endfor %}"
LARGE = [
    "{{ 'a' * 10**10 }}",
    "{{ 10**10 * 'a' }}",
    "{{ [0] * 10**10 }}",
    "{{ 2 ** 100000 }}",
    "{{ 'a'.ljust(10**10) }}",
    "{{ 'a'.zfill(10**10) }}",
    "{{ 'a'|center(10**10) }}",
    "{{ 'a'|indent(10**10) }}",
    "{{ [1]|tojson(indent=10**10) }}",
    "{{ '%10000000000d' % 1 }}",
    "{{ '%*d' % (10**10, 1) }}",
    "{{ '%10000000000d'|format(1) }}",
    "{{ ['%10000000000d']|map('format', 1)|list }}",
    "{{ ['a']|map('center', 10**10)|list }}",
    "{{ '{:>10000000000}'.format(1) }}",
    "{{ '{:{}}'.format(1, 10**10) }}",
    "{{ 'a'.join(['b' * 1000000] * 1000) }}",
    "{{ (['b' * 1000000] * 1000)|join }}",
    "{% for i in range(9999) %}{{ 'a' * 9999 }}{% endfor %}",
    GROWTH.replace("STEP", "{% set ns.x = ns.x ~ ns.x %}"),
    GROWTH.replace("STEP", "{% set ns.x = ns.x + ns.x %}"),
    GROWTH.replace("STEP", "{% set ns.x = '%s%s' % (ns.x, ns.x) %}"),
    GROWTH.replace("STEP", "{% set ns.x = '{0}{0}'.format(ns.x) %}"),
    GROWTH.replace("STEP", "{% set ns.x = ns.x.replace('a', 'aaaa') %}"),
    GROWTH.replace("STEP", "{% set ns.x = ns.x|replace('a', 'aaaa') %}"),
    GROWTH.replace("STEP", "{% set ns.x = [ns.x, ns.x]|join %}"),
    GROWTH.replace("STEP", "{% set t %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = t %}"),
    GROWTH.replace("'aaaa'", "3").replace("STEP", "{% set ns.x = ns.x * ns.x %}"),
    GROWTH.replace("'aaaa'", "[1]").replace("STEP", "{% set ns.x = ns.x + ns.x %}"),
]


@pytest.mark.parametrize("text", LARGE)
def test_template_that_grows_is_one_error(text: str) -> None:
    begin = thread_time()
    tracemalloc.start()
    try:
        with pytest.raises((CheckpointError, TypeError), match=r"more than|unsupported"):
            render(text)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 400 * 2**20
    assert thread_time() - begin < 5


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{ 'a' ~ 1 ~ none ~ ('b' ~ 2) }}", "a1Noneb2"),
        ("{{ 'ab' * 3 }}{{ 2 ** 8 }}{{ 7 % 4 }}{{ 2 ** 0.5 > 1 }}", "ababab2563True"),
        ("{{ 1e300 * 1e300 }}", "inf"),
        ("{{ '%s-%03d' % ('x', 123456789012) }}", "x-123456789012"),
        ("{{ '{} {}'.format(1234567890123, 'x') }}", "1234567890123 x"),
        ("{{ [1234567890123]|join(',') }}{{ 'a b'|replace(' ', '_') }}", "1234567890123a_b"),
        ("{{ messages[0].content.split('l')|length }}{{ 'a'.center(5) }}", "3  a  "),
        ("{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m(1) ~ m(2) }}", "[1][2]"),
        ("{% set y %}{{ 1 }}{{ 2 }}{% endset %}{{ y ~ y }}", "1212"),
        ("{{ {'a': 12345678901234}|tojson(indent=1) }}", '{\n "a": 12345678901234\n}'),
        ("{{ (messages[0].content ~ 'x')|trim|upper|string }}{{ 'A'|lower }}", "HELLOXa"),
    ],
)
def test_template_within_the_bounds(text: str, shown: str) -> None:
    assert render(text) == shown


def render(text: str, stop_event: threading.Event | None = None) -> str:
    chat = [{"role": "user", "content": "Hello"}]
    with limit_rendering(stop_event):
        return template_utils.render_jinja_template([chat], chat_template=text)[0][0]


def test_template_that_nobody_waits_for_is_stopped() -> None:
    event = threading.Event()
    threading.Timer(0.2, event.set).start()
    text = "{% set x = 'a' * 1000000 %}{% for a in range(99999) %}{% set y = x|upper %}{% endfor %}"
    with pytest.raises(CheckpointError, match="nobody waits"):
        render(text, event)


@pytest.mark.parametrize("name", ["chat_template.jinja", "tokenizer_config.json"])
def test_a_template_that_cannot_be_read_is_one_error(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"[" * 2_000_000)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_chat_template(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ x }}"}))
    assert read_chat_template(tmp_path) == "{{ x }}"
