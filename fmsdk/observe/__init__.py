"""Who hears of a call, and what each may see of it.

- `observer`: the interface of everyone who hears of calls
- `log`: lines on the logger `fmsdk`, without content
- `hooks`: the caller's `on_request` and `on_response`
- `redact`: requests and answers without keys, and with media named instead of held
- `call_observer`: all of them together, as `fmsdk.pipeline.call` speaks to them

Spans and metrics are `fmsdk.telemetry`'s, which is imported only where they are wanted.
"""
