"""`fmsdk models` and `fmsdk models get`."""

from __future__ import annotations

import json
import re

from tests.cli.conftest import Run


def test_usable_models_and_reasons_for_the_rest(fmsdk_command: Run) -> None:
    ran = fmsdk_command("models")
    assert (ran.code, ran.err) == (0, "")
    usable, rest = ran.out.split("not usable yet:\n")
    assert usable.startswith("usable now:\n")
    assert "scripted:echo" in usable
    assert "says what it is told" in usable
    assert "needs a bigger machine" in rest
    assert "pip install 'fmsdk[fancy]'" in rest
    assert "OPENAI_API_KEY" in rest
    (ear,) = (line for line in usable.splitlines() if "scripted:ear" in line)
    assert ear.split() == ["scripted:ear", "audio,", "text"]


def test_the_columns_line_up(fmsdk_command: Run) -> None:
    lines = [line for line in fmsdk_command("models").out.splitlines() if line.startswith("  ")]
    assert len(lines) > 4
    starts = [re.match(r"  \S+ +", line) for line in lines]
    assert len({start and start.end() for start in starts}) == 1


def test_models_as_json(fmsdk_command: Run) -> None:
    listed = json.loads(fmsdk_command("models", "--json").out)
    (big,) = (model for model in listed if model["name"] == "scripted:big")
    assert big == {
        "name": "scripted:big",
        "usable": False,
        "input": ["text"],
        "note": "needs a bigger machine",
    }


def test_a_key_makes_a_vendor_usable(fmsdk_command: Run) -> None:
    listed = json.loads(fmsdk_command("models", "--json", env={"OPENAI_API_KEY": "sk-x"}).out)
    assert [model["usable"] for model in listed if model["name"] == "openai:…"] == [True]


def test_get_reports_each_stage_and_the_path(fmsdk_command: Run) -> None:
    ran = fmsdk_command("models", "get", "scripted:one", "scripted:two")
    assert ran.code == 0
    assert ran.out == "scripted:one is in /models/one\nscripted:two is in /models/two\n"
    assert ran.notes == [
        "one: downloading",
        "one: checking",
        "two: downloading",
        "two: checking",
    ]


def test_one_unavailable_model_does_not_affect_the_others(fmsdk_command: Run) -> None:
    ran = fmsdk_command("models", "get", "scripted:nothing", "plain:x", "nowhere:x", "scripted:one")
    assert (ran.code, ran.out) == (2, "scripted:one is in /models/one\n")
    errors = [note for note in ran.notes if note.startswith("fmsdk: error: ")]
    assert len(errors) == 3
    assert "no model 'nothing'" in errors[0]
    assert "plain has no models to fetch" in errors[1]
    assert "no provider is called 'nowhere'" in errors[2]


def test_models_get_as_json(fmsdk_command: Run) -> None:
    ran = fmsdk_command("models", "get", "scripted:one", "--json")
    assert json.loads(ran.out) == {"name": "scripted:one", "path": "/models/one"}
