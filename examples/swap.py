"""One function for every model: the name is the only thing that changes.

python examples/swap.py local:demo-text openai:gpt-5.6-sol
"""

import sys

import fmsdk

QUESTION = "Name a river in France. Answer in one word."


def main(models: list[str]) -> None:
    client = fmsdk.Client()
    for model in models:
        try:
            answer = client.generate(model, QUESTION, max_output_tokens=200)
        except fmsdk.FmsdkError as error:
            print(f"{model}: {type(error).__name__}: {error}")
            continue
        cost = "cost unknown" if answer.cost is None else f"${answer.cost.total:.6f}"
        print(f"{model}: {answer.text.strip()} ({answer.latency.total:.2f} s, {cost})")


if __name__ == "__main__":
    main(sys.argv[1:] or ["local:demo-text"])
