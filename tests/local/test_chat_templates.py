"""Chat templates come from anywhere: reading and rendering one is bounded."""

from __future__ import annotations

import json
import re
import resource
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, thread_time

import pytest

import fmsdk
from fmsdk.errors import CheckpointError
from fmsdk_local import unload
from fmsdk_local.models.chat_template import (
    limit_rendering,
    read_chat_template,
    template_names,
)
from tests.support.lazy_import import LazyModule
from tests.support.local import tiny_checkpoints
from tests.support.patience import PATIENCE
from tests.support.soak import soak_size

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
    "{{ ('a' * 10**7)|sort }}",
    "{{ ('a' * 10**7)|map('upper')|list }}",
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
# Values that have room each, and not together.
KEPT = "{% set ns = namespace(x=[]) %}{% set b = 'a' * 16000000 %}{% for i in range(99999) %}STEP"
KEPT += "{% endfor %}"
HOARDS = [
    KEPT.replace("STEP", f"{{% set ns.x = [ns.x, {value}] %}}")
    for value in (
        "'a' * (1000000 + i)",
        "'\U0001f600' * 1000000",
        "b|upper",
        "b.lower()",
        "b[1:]",
        "b ~ i",
        "'%s' % (b[i:],)",
        "('a ' * 1000000).split(' ')",
        "range(99999)|list",
        f"[{'i,' * 1000}]",
        f"{{{', '.join(f'{number}: i' for number in range(1000))}}}",
    )
] + [KEPT.replace("STEP", "{% set t %}{{ b }}{{ i }}{% endset %}{% set ns.x = [ns.x, t] %}")]


def peak_memory() -> int:
    """The most bytes that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("text", HOARDS)
def test_template_that_hoards_is_one_error(text: str) -> None:
    before = peak_memory()
    with pytest.raises(CheckpointError, match=r"MB of values|more than 5 s") as caught:
        render(text)
    assert peak_memory() - before < 1_500_000_000
    for frame, _ in traceback.walk_tb(caught.value.__traceback__):  # the error keeps none of them
        if frame.f_code.co_filename == "<template>":
            assert not frame.f_locals


@pytest.mark.parametrize("text", LARGE)
def test_template_that_grows_is_one_error(text: str) -> None:
    begin, before = thread_time(), peak_memory()
    with pytest.raises((CheckpointError, TypeError), match=r"more than|unsupported"):
        render(text)
    assert thread_time() - begin < 5
    assert peak_memory() - before < 1_500_000_000


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
        ("{{ messages[0:][0].content[1:3] }}{{ [3, 1, 2]|sort }}", "el[1, 2, 3]"),
        (f"{{{{ [{'7, ' * 60}]|length }}}}{{{{ (1, 2)[1:] }}}}", "60(2,)"),
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
    text = (
        "{% set x = 'a ' * 99999 %}{% for a in range(99999) %}{% set y = x|wordcount %}{% endfor %}"
    )
    with pytest.raises(CheckpointError, match="nobody waits"):
        render(text, event)


SORTS = "{% for a in range(99999) %}{% set x = range(99999)|sort %}{% endfor %}"
# What the template does for one conversation only, so that the model loads.
BOMBS = {
    "loops": (LOOPS[0], "steps"),
    "loops in filters": (SORTS, "MB of values|5 s"),
    "hoards": (HOARDS[0], "MB of values"),
    "grows": (LARGE[0], "more than"),
}


def with_template(path: Path, text: str) -> Path:
    """A tiny Llama with this chat template."""
    path = tiny_checkpoints.llama(path)
    (path / "chat_template.jinja").unlink(missing_ok=True)
    file = path / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "chat_template": text}))
    return path


@pytest.fixture(params=BOMBS)
def bomb(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A model whose template takes too much where the message is "bomb", and what it says."""
    text, says = BOMBS[request.param]
    condition = "{% if messages[0].content == 'bomb' %}"
    path = with_template(tmp_path / "llama", f"{condition}{text}{{% else %}}Hello{{% endif %}}")
    yield f"local:{path}", says
    unload()


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_a_call_ends_in_time_whatever_its_template_does(
    bomb: tuple[str, str], streamed: bool
) -> None:
    model, says = bomb
    with fmsdk.Client() as client:
        client.generate(model, "Hi", max_output_tokens=1)
        before, begin = peak_memory(), monotonic()
        with pytest.raises((CheckpointError, fmsdk.Timeout)) as caught:
            if streamed:
                with client.stream(model, "bomb", timeout=1) as stream:
                    list(stream)
            else:
                client.generate(model, "bomb", timeout=1)
        assert monotonic() - begin < PATIENCE
        assert peak_memory() - before < 1_500_000_000
        if isinstance(caught.value, CheckpointError):
            assert re.search(says, str(caught.value))
        # The next one waits for no template that nobody waits for.
        client.generate(model, "Hi", max_output_tokens=1, timeout=PATIENCE)


@pytest.mark.parametrize("text", [LOOPS[0], HOARDS[0], SORTS][: soak_size(1, 3)])
def test_a_model_whose_template_always_takes_too_much_does_not_load(
    text: str, tmp_path: Path
) -> None:
    path = with_template(tmp_path / "llama", text)
    with fmsdk.Client() as client, pytest.raises(CheckpointError, match="no real one does"):
        client.generate(f"local:{path}", "Hi", timeout=1)
    unload()


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in [1] %}" * 25 + "{% endfor %}" * 25,
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    ],
)
def test_a_template_that_no_python_can_be_made_of_is_one_error(text: str, tmp_path: Path) -> None:
    path = with_template(tmp_path / "llama", text)
    with fmsdk.Client() as client, pytest.raises(fmsdk.BadRequestError, match="chat template"):
        client.generate(f"local:{path}", "Hi")
    unload()


@pytest.mark.parametrize("name", ["chat_template.jinja", "tokenizer_config.json"])
def test_a_template_longer_than_any_real_one_is_refused(name: str, tmp_path: Path) -> None:
    text = "{{ 1 }}" * 100_000
    content = text if name.endswith("jinja") else json.dumps({"chat_template": text})
    (tmp_path / name).write_text(content)
    with pytest.raises(CheckpointError, match=r"longer|which no real one has|cannot be read"):
        read_chat_template(tmp_path)


@pytest.mark.parametrize("name", ["chat_template.jinja", "tokenizer_config.json"])
def test_a_template_that_cannot_be_read_is_one_error(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"[" * 2_000_000)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_chat_template(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ x }}"}))
    assert read_chat_template(tmp_path) == "{{ x }}"


def test_what_others_render_in_the_process_is_not_bounded() -> None:
    assert render("{{ 1 }}") == "1"  # from now on, transformers renders in the bounded sandbox
    chat = [{"role": "user", "content": "Hello"}]
    for _ in range(35):  # 600 MB in all
        template = "{{ 'a' * 17000000 }}"
        ((text,), _) = template_utils.render_jinja_template([chat], chat_template=template)
        assert len(text) == 17_000_000
