"""The official MCP SDK for Python, unmodified, against a gateway.

    python mcp_python.py < cases.json

Each case has a URL, a key, a mode of connecting and the names of tools to call with their arguments. Prints one
line of JSON for each case: what a program that uses the SDK would see.
"""

import asyncio
import json
import sys

from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


async def main() -> None:
    for case in json.load(sys.stdin):
        try:
            seen = await session(case)
        except BaseException as error:  # noqa: BLE001 - also groups of exceptions, which are no Exception
            seen = {"refused": refused(error)}
        print(json.dumps({"name": case["name"], **seen}), flush=True)


async def session(case: dict) -> dict:
    http = create_mcp_http_client(headers={"authorization": f"Bearer {case['key']}"})
    transport = streamable_http_client(case["url"], http_client=http)
    async with http, Client(transport, mode=case.get("mode", "auto"), cache=None) as client:
        tools = await client.list_tools()
        calls = [await called(client, name, arguments) for name, arguments in case["calls"]]
        version = client.session.protocol_version
        return {"version": version, "tools": [tool.name for tool in tools.tools], "calls": calls}


async def called(client: Client, name: str, arguments: dict) -> dict:
    progress = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        progress.append(done)

    try:
        result = await client.call_tool(name, arguments, progress_callback=on_progress)
    except MCPError as error:
        return refused(error)
    text = " ".join(content.text for content in result.content if content.type == "text")
    problem = (result.meta or {}).get("tollgate/problem", {})
    return {"text": text, "failed": result.is_error, "reason": problem.get("reason"), "progress": len(progress)}


def refused(error: BaseException) -> dict:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MCPError):
        data = error.error.data if isinstance(error.error.data, dict) else {}
        return {"error": "MCPError", "code": error.error.code, "text": error.error.message, "reason": data.get("reason")}
    return {"error": type(error).__name__, "text": str(error)}


asyncio.run(main())
