"""`pip install fmsdk` alone talks to every vendor: no SDK, no httpx2, no genai-prices."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.paths import ROOT
from tests.support.scripted_server import Answer, run_server

OPTIONAL = ("openai", "anthropic", "google", "httpx2", "genai_prices", "pydantic", "requests")
HIDE = f"""
import os, sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "providers")!r}]

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
import fmsdk
"""


def run(program: str, **environment: str) -> str:
    """What a program prints in a process that can import none of the optional packages."""
    finished = subprocess.run(
        [sys.executable, "-c", HIDE + program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "", "HOME": "/nonexistent", **environment},
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
def test_every_vendor_answers_plain_and_streamed(subject: Subject) -> None:
    answers = Answer(subject.wire.body("Hi")), Answer(pieces=subject.wire.events("Hi"))
    with run_server(*answers) as server:
        printed = run(f"""
client = fmsdk.Client(providers={subject.configured(server.root)!r})
print(client.generate({subject.model!r}, "Hello").text)
with client.stream({subject.model!r}, "Hello") as stream:
    for event in stream:
        pass
print(stream.response.text)
print(sorted(set({OPTIONAL!r}) & sys.modules.keys()))
""")
    assert printed.split("\n")[:3] == ["Hi", "Hi", "[]"]
    assert all(seen.headers["user-agent"].startswith("fmsdk/") for seen in server.seen)


def test_models_of_every_vendor_are_listed_as_usable() -> None:
    printed = run(
        "import json; from fmsdk.registry import usable_models; "
        "print(json.dumps({row.name: [row.usable, row.note] for row in usable_models()}))",
        OPENAI_API_KEY="k",
        ANTHROPIC_API_KEY="k",
        GEMINI_API_KEY="k",
        GROQ_API_KEY="k",
    )
    rows = json.loads(printed)
    for name in ("openai:…", "anthropic:…", "google:…", "groq:…"):
        assert rows[name] == [True, ""]
    assert rows["mistral:…"] == [False, "set MISTRAL_API_KEY"]


def test_an_anthropic_profile_without_the_extra_says_what_is_missing(tmp_path: Path) -> None:
    printed = run(
        """
try:
    fmsdk.Client(retries=0).generate("anthropic:claude-sonnet-5", "Hello")
except fmsdk.MissingKey as error:
    print(error.variable, error)
""",
        ANTHROPIC_PROFILE="mine",
        ANTHROPIC_CONFIG_DIR=str(tmp_path),
    )
    assert "ANTHROPIC_API_KEY" in printed
    assert "pip install 'fmsdk[anthropic]'" in printed


def test_vertex_without_the_extra_names_it() -> None:
    printed = run("""
try:
    fmsdk.Client(providers={"google": {"vertex": True, "project": "p"}}).generate("google:m", "Hi")
except fmsdk.MissingExtra as error:
    print(error.extra)
""")
    assert printed.strip() == "google"


@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
def test_a_forked_child_asks_over_connections_of_its_own(subject: Subject) -> None:
    """The parent's connections are in use in the parent; both go on after the fork."""
    with run_server(Answer(subject.wire.body("Hi"))) as server:
        printed = run(f"""
client = fmsdk.Client(providers={subject.configured(server.root)!r})
ask = lambda: client.generate({subject.model!r}, "Hello", timeout=20).text
assert ask() == "Hi"
children = []
for _ in range(5):
    child = os.fork()
    if child == 0:
        os._exit(0 if ask() == "Hi" else 1)
    children.append(child)
print(ask(), [os.waitpid(child, 0)[1] for child in children])
""")
    assert printed.strip() == "Hi [0, 0, 0, 0, 0]"
