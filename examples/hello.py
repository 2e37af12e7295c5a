"""The smallest program: one question, one answer, its cost and latency."""

import fmsdk

client = fmsdk.Client()
answer = client.generate("local:demo-text", "What is the capital of France?", temperature=0)

print(answer.text)
print(answer.usage.input.total, "tokens in,", answer.usage.output.total, "tokens out")
print("cost:", "unknown" if answer.cost is None else f"${answer.cost.total:.7f}")
print(f"latency: {answer.latency.total:.2f} s")
