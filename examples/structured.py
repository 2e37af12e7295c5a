"""An answer as a dataclass."""

import os
from dataclasses import dataclass

import fmsdk

MODEL = os.environ.get("FMSDK_MODEL", "openai:gpt-5.6-sol")


@dataclass
class City:
    name: str
    country: str


client = fmsdk.Client()
answer = client.generate(MODEL, "The capital of France?", output=City)
print(answer.output.name, "in", answer.output.country)
