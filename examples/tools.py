"""Tools: plain functions, called by the model through you, until it has what it needs."""

import os

import fmsdk

MODEL = os.environ.get("FMSDK_MODEL", "openai:gpt-5.6-sol")


def weather(place: str) -> str:
    """The weather at a place.

    Args:
        place: a town.
    """
    return f"Sunny in {place}, 21 °C"


client = fmsdk.Client()
talk: list[fmsdk.Message | fmsdk.Part | str] = ["What is the weather in Paris?"]
answer = client.generate(MODEL, talk, tools=[weather])
while answer.tool_calls:
    results = [fmsdk.ToolResult(call.id, weather(**call.arguments)) for call in answer.tool_calls]
    talk += [answer.message, *results]
    answer = client.generate(MODEL, talk, tools=[weather])
print(answer.text)
