"""The official Gemini SDK for Python, unmodified, against a gateway.

    python genai_python.py GATEWAY < cases.json

Asks a question with a tool on offer, answers the call, and prints one line of JSON for each case: what a program
that uses the SDK would see.
"""

import json
import sys

from google import genai
from google.genai import types

SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
LOOK_UP = types.FunctionDeclaration(name="look_up", description="Looks something up", parameters_json_schema=SCHEMA)
CONFIG = types.GenerateContentConfig(
    system_instruction="Be brief", max_output_tokens=500, tools=[types.Tool(function_declarations=[LOOK_UP])]
)


def main() -> None:
    for case in json.load(sys.stdin):
        client = genai.Client(api_key=case["key"], http_options=types.HttpOptions(base_url=sys.argv[1], timeout=120_000))
        print(json.dumps({"name": case["name"], **conversation(client, case)}), flush=True)


def conversation(client: genai.Client, case: dict) -> dict:
    say = streamed if case["streamed"] else whole
    contents = [types.Content(role="user", parts=[types.Part(text="Who keeps the light")])]
    first = say(client, case["model"], contents)
    called = next(part for part in first["parts"] if part.function_call)
    call = called.function_call
    result = types.FunctionResponse(id=call.id, name=call.name, response={"output": "Nobody since 1932"})
    contents += [
        types.Content(role="model", parts=[called]),
        types.Content(role="user", parts=[types.Part(function_response=result)]),
    ]
    second = say(client, case["model"], contents)
    return {
        "call": call.name,
        "arguments": call.args,
        "text": "".join(part.text or "" for part in second["parts"]),
        "ends": [first["end"], second["end"]],
        "tokens": [first["tokens"], second["tokens"]],
    }


def whole(client: genai.Client, model: str, contents: list) -> dict:
    return seen([client.models.generate_content(model=model, contents=contents, config=CONFIG)])


def streamed(client: genai.Client, model: str, contents: list) -> dict:
    return seen(list(client.models.generate_content_stream(model=model, contents=contents, config=CONFIG)))


def seen(pieces: list) -> dict:
    candidates = [piece.candidates[0] for piece in pieces if piece.candidates]
    ends = [candidate.finish_reason.value for candidate in candidates if candidate.finish_reason]
    usage = [piece.usage_metadata for piece in pieces if piece.usage_metadata][-1]
    parts = [part for candidate in candidates if candidate.content for part in candidate.content.parts or []]
    return {
        "parts": parts,
        "end": ends[-1] if ends else None,
        "tokens": [usage.prompt_token_count, usage.candidates_token_count],
    }


main()
