"""Many requests at once with AsyncClient: order kept, and never more than four on their way."""

import asyncio

import fmsdk

COLOURS = ["red", "green", "blue"]


async def main() -> None:
    async with fmsdk.AsyncClient(max_concurrency=4) as client:
        answers = await asyncio.gather(
            *(
                client.generate(
                    "local:demo-text",
                    f"Name one thing that is {colour}. One word.",
                    max_output_tokens=20,
                    temperature=0,
                )
                for colour in COLOURS
            )
        )
    for colour, answer in zip(COLOURS, answers, strict=True):
        print(f"{colour}: {answer.text.strip()} (waited {answer.latency.queue:.2f} s)")


asyncio.run(main())
