"""A loopback server that answers like OpenAI, Anthropic and Google, for examples and snippets.

It calls the first tool once, fills in a schema where one is asked for, and otherwise says
"Hello.".
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
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
        path = self.path.partition("?")[0]
        say = next(say for end, say in _ANSWERS.items() if path.endswith(end))
        answer = json.dumps(say(body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


def _wants_tool(tools: list[Any] | None, history: object) -> Any:
    answers = ("function_call_output", '"role": "tool"', "tool_result", "functionResponse")
    answered = any(mark in json.dumps(history) for mark in answers)
    return tools[0] if tools and not answered else None


def _filled(schema: dict[str, Any]) -> Any:
    if schema.get("type") == "object":
        return {name: _filled(inner) for name, inner in schema["properties"].items()}
    return {"string": "Paris", "integer": 1, "number": 1.5, "boolean": True}.get(schema["type"], [])


def _responses(body: dict[str, Any]) -> dict[str, Any]:
    tool = _wants_tool(body.get("tools"), body["input"])
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
    tool = _wants_tool(body.get("tools"), body["messages"])
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


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    data = [{"index": n, "embedding": [0.6, 0.8]} for n, _ in enumerate(body["input"])]
    return {"data": data, "model": body["model"], "usage": {"prompt_tokens": 3 * len(data)}}


def _anthropic(body: dict[str, Any]) -> dict[str, Any]:
    tool = _wants_tool(body.get("tools"), body["messages"])
    schema = body.get("output_config", {}).get("format", {}).get("schema")
    content: dict[str, Any] = {
        "type": "text",
        "text": json.dumps(_filled(schema)) if schema else "Hello.",
    }
    if tool:
        call = {"name": tool["name"], "input": _filled(tool["input_schema"])}
        content = {"type": "tool_use", "id": "toolu_1", **call}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [content],
        "stop_reason": "tool_use" if tool else "end_turn",
        "usage": {"input_tokens": 12, "output_tokens": 3},
    }


def _google(body: dict[str, Any]) -> dict[str, Any]:
    declared = [one for tool in body.get("tools", []) for one in tool["functionDeclarations"]]
    tool = _wants_tool(declared, body["contents"])
    schema = body.get("generationConfig", {}).get("responseJsonSchema")
    part: dict[str, Any] = {"text": json.dumps(_filled(schema)) if schema else "Hello."}
    if tool:
        arguments = _filled(tool["parametersJsonSchema"])
        part = {"functionCall": {"id": "call_1", "name": tool["name"], "args": arguments}}
    return {
        "candidates": [
            {"index": 0, "content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
        ],
        "usageMetadata": {"promptTokenCount": 12, "candidatesTokenCount": 3},
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r_1",
    }


_ANSWERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "/embeddings": _embeddings,
    "/responses": _responses,
    "/chat/completions": _chat,
    "/messages": _anthropic,
    ":generateContent": _google,
}


@contextmanager
def run_vendor_server() -> Iterator[dict[str, str]]:
    """The environment in which every vendor is a server here."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    root = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield {
            "OPENAI_BASE_URL": f"{root}/v1",
            "OPENAI_API_KEY": "sk-test",
            "ANTHROPIC_BASE_URL": root,
            "ANTHROPIC_API_KEY": "sk-ant-test",
            "GOOGLE_GEMINI_BASE_URL": root,
            "GEMINI_API_KEY": "key-test",
        }
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
