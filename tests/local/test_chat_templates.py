"""Chat templates come from anywhere: reading and rendering one is bounded."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize("name", ["chat_template.jinja", "tokenizer_config.json"])
def test_a_template_that_cannot_be_read_is_one_error(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"[" * 2_000_000)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_chat_template(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ x }}"}))
    assert read_chat_template(tmp_path) == "{{ x }}"
