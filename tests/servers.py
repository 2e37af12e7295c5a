"""A loopback server that answers like OpenAI's Responses API, for examples and snippets.

It calls the first tool once, fills in a schema where one is asked for, and otherwise says
"Hello."; what it got is in `seen`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 15,
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        chat = self.path.endswith("/chat/completions")
        answer = json.dumps(_chat(body) if chat else _responses(body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


def _wants_tool(body: dict[str, Any], history: list[dict[str, Any]]) -> dict[str, Any] | None:
    answered = any(
        item.get("type") == "function_call_output" or item.get("role") == "tool" for item in history
    )
    return None if answered or not body.get("tools") else body["tools"][0]


def _filled(schema: dict[str, Any]) -> Any:
    if schema.get("type") == "object":
        return {name: _filled(inner) for name, inner in schema["properties"].items()}
    return {"string": "Paris", "integer": 1, "number": 1.5, "boolean": True}.get(schema["type"], [])


def _responses(body: dict[str, Any]) -> dict[str, Any]:
    history = body["input"] if isinstance(body["input"], list) else []
    tool = _wants_tool(body, history)
    schema = body.get("text", {}).get("format", {}).get("schema")
    if tool:
        output: dict[str, Any] = {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": tool["name"],
            "arguments": json.dumps(_filled(tool["parameters"])),
            "status": "completed",
        }
    else:
        text = json.dumps(_filled(schema)) if schema else "Hello."
        output = {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": body["model"],
        "output": [output],
        "usage": USAGE,
    }


def _chat(body: dict[str, Any]) -> dict[str, Any]:
    tool = _wants_tool(body, body["messages"])
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if tool:
        function = tool["function"]
        arguments = json.dumps(_filled(function["parameters"]))
        call = {"name": function["name"], "arguments": arguments}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": call}]
    else:
        message["content"] = json.dumps(_filled(schema)) if schema else "Hello."
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": body["model"],
        "choices": [
            {"index": 0, "message": message, "finish_reason": "tool_calls" if tool else "stop"}
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
    }


@contextmanager
def openai_server() -> Iterator[str]:
    """A running server's base URL, ending in /v1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
