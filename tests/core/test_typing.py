"""Type checkers take the snippets of the docs, infer the types, and refuse what is wrong."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.soak import IS_SOAK

PAGES = ("README.md", "docs/guide.md")
INFERRED = """
import fmsdk

class City: ...

def ask(client: fmsdk.Client) -> None:
    reveal_type(fmsdk.Client(retries=3))
    plain = client.generate("a:b", "Hi")
    reveal_type(plain)
    typed = client.generate("a:b", ["Hi"], output=City, max_output_tokens=3)
    reveal_type(typed.output)
    schema = client.generate("a:b", [fmsdk.Text("Hi")], output={"type": "object"})
    reveal_type(schema)
    with client.stream("a:b", "Hi", temperature=0) as stream, fmsdk.Client() as other:
        reveal_type(stream)
        reveal_type(other)
    with client.stream("a:b", "Hi", output=City) as typed_stream:
        reveal_type(typed_stream.response.output)
    reveal_type(client.quote("a:b", "Hi", max_output_tokens=3))

async def ask_asynchronously(client: fmsdk.AsyncClient) -> None:
    plain = await client.generate("a:b", "Hi")
    reveal_type(plain)
    async with client.stream("a:b", "Hi") as stream:
        async for event in stream:
            if isinstance(event, fmsdk.TextDelta):
                reveal_type(event.text)
    async with client.stream("a:b", "Hi", output=City) as typed:
        reveal_type(typed.response.output)
"""
TYPES = [
    *("Client", "Response[Any]", "City", "Response[Any]", "Stream[Any]", "Client", "City"),
    *("Quote", "Response[Any]", "str", "City"),
]
WRONG = [
    "fmsdk.Client(retry=3)",
    "fmsdk.Client(retries='many')",
    "fmsdk.Client().generate('a:b', 'Hi', max_tokens=3)",
    "fmsdk.Client().generate('a:b', 'Hi', temperature='hot')",
    "fmsdk.Client().stream('a:b', 'Hi', max_tokens=3)",
    "fmsdk.Client().quote('a:b', 'Hi', max_tokens=3)",
    "fmsdk.Client().embed('a:b', 3)",
    "fmsdk.AsyncClient().stream('a:b', 3)",
]
COMMANDS = {
    "mypy": ["mypy", "--cache-dir={cache}"],
    "mypy strict": ["mypy", "--strict", "--cache-dir={cache}"],
}
if IS_SOAK:
    COMMANDS["pyright strict"] = ["pyright", "--pythonpath", sys.executable]


@pytest.mark.parametrize("checker", COMMANDS)
def test_a_checker_takes_the_docs_infers_types_and_refuses_mistakes(
    checker: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    module, *arguments = COMMANDS[checker]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    head = "# pyright: strict\n"
    programs = {
        Path(page).stem: "\n".join(
            re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
        )
        for page in PAGES
    }
    programs["inferred"] = INFERRED
    programs["wrong"] = "\n".join(["import fmsdk", *WRONG])
    for name, program in programs.items():
        (tmp_path / f"{name}.py").write_text(head + program, "utf-8")
    cache = tmp_path_factory.getbasetemp() / "mypy_cache"
    files = [f"{name}.py" for name in programs]
    command = [argument.format(cache=cache) for argument in arguments]
    done = subprocess.run(
        [sys.executable, "-m", module, *command, *files],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    errors = [line for line in lines if re.search(r":\d+(:\d+)?:? (- )?error:", line)]
    assert [line for line in errors if "wrong.py" not in line] == [], done.stdout
    places = {int(re.findall(r":(\d+)", line)[0]) - 3 for line in errors}
    assert places == {*range(len(WRONG))}, done.stdout
    revealed = re.findall(r'(?:Revealed type|Type of ".*") is "(.*)"', done.stdout)
    assert [re.sub(r"\b(\w+\.)+", "", type_) for type_ in revealed] == TYPES, done.stdout
