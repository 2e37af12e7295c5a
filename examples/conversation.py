"""Several turns: append the answer's message, and ask on."""

import fmsdk

client = fmsdk.Client()
talk: list[fmsdk.Message | str] = []
for question in ("My name is Ada.", "What is my name?"):
    talk.append(question)
    answer = client.generate(
        "local:demo-text", talk, system="Answer briefly.", max_output_tokens=40, temperature=0
    )
    talk[-1:] = [fmsdk.Message("user", question), answer.message]
    print(">", question)
    print(answer.text.strip())
