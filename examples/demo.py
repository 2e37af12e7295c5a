"""The main job: a text, a picture and a recording, answered by open weights on this machine,
and what the same text request would cost at three closed vendors.

    make demo
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import fmsdk

MEDIA = Path(__file__).parent / "media"
VENDORS = ("openai:gpt-5.6-sol", "anthropic:claude-sonnet-5-5", "google:gemini-3.8-flash")
QUESTION = "What is the capital of France?"


def dollars(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"${amount:.7f}"


def account(answer: fmsdk.Response | fmsdk.Transcription) -> str:
    usage, latency, cost = answer.usage, answer.latency, answer.cost
    took = f"{latency.total:.2f} s"
    if latency.load:
        took += f" ({latency.load:.2f} s of it loading)"
    if usage.input.total is None:
        size = f"{usage.input.audio_seconds:.1f} s of audio in"
    else:
        size = f"{usage.input.total} tokens in"
    return f"   {size}, {usage.output.total} tokens out · {took} · {dollars(cost and cost.total)}"


def ask_text(client: fmsdk.Client) -> None:
    print(f"\n1. A text      {QUESTION}")
    answer = client.generate("local:demo-text", QUESTION, max_output_tokens=60, temperature=0)
    print(f"   → {answer.text.strip()}\n{account(answer)}")
    if answer.cost:
        print(f"   priced by: {answer.cost.price_source}")


def ask_picture(client: fmsdk.Client) -> None:
    question = "What is the blue shape?"
    print(f"\n2. A picture   blue_circle.png: {question}")
    picture = fmsdk.Image(MEDIA / "blue_circle.png")
    answer = client.generate("local:demo-vision", [picture, question])
    print(f"   → {answer.text.strip()}\n{account(answer)}")


def ask_recording(client: fmsdk.Client) -> None:
    question = "Name one thing that it was the age of."
    print(f"\n3. A recording two_cities.flac: {question}")
    speech = client.transcribe("local:demo-audio", MEDIA / "two_cities.flac")
    print(f"   heard: {speech.text}\n{account(speech)}")
    prompt = f"{speech.text}\n\n{question}"
    answer = client.generate("local:demo-text", prompt, max_output_tokens=40, temperature=0)
    print(f"   → {answer.text.strip()}\n{account(answer)}")


def compare(client: fmsdk.Client) -> None:
    print("\nThe text request elsewhere, estimated before sending (at most 60 tokens of answer):")
    for model in VENDORS:
        quote = client.quote(model, QUESTION, max_output_tokens=60)
        cost = quote.cost
        told = "unknown" if cost is None else f"{dollars(cost.low)} to {dollars(cost.high)}"
        print(f"   {model:30} about {quote.input_tokens.expected} tokens in, {told}")
    print('\nChange "local:demo-text" to one of these names, and the same call goes there.')


def main() -> None:
    with fmsdk.Client() as client:
        ask_text(client)
        ask_picture(client)
        ask_recording(client)
        compare(client)


if __name__ == "__main__":
    main()
