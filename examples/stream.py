"""An answer as it comes, left early: what arrived is kept and accounted."""

import fmsdk

client = fmsdk.Client()
with client.stream("local:demo-text", "Tell me about rivers.", max_output_tokens=200) as stream:
    for event in stream:
        if isinstance(event, fmsdk.TextDelta):
            print(event.text, end="", flush=True)
        if len(stream.response.text) > 80:
            break

answer = stream.response
print(f"\n[{answer.finish}, usage {answer.usage.source}, {answer.latency.total:.2f} s]")
