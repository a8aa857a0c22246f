"""The official OpenAI SDK for Python, unmodified, and its responses against a gateway.

    python responses_python.py GATEWAY < cases.json

Asks a question with a tool on offer, answers the call, and prints one line of JSON for each case: what a program
that uses the SDK would see.
"""

import json
import sys

import openai

SCHEMA = {
    "type": "object",
    "properties": {"place": {"type": "string"}},
    "required": ["place"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "name": "look_up", "description": "Looks it up", "parameters": SCHEMA, "strict": True}]


def main() -> None:
    for case in json.load(sys.stdin):
        client = openai.OpenAI(api_key=case["key"], base_url=f"{sys.argv[1]}/v1", timeout=120)
        print(json.dumps({"name": case["name"], **conversation(client, case)}), flush=True)


def conversation(client: openai.OpenAI, case: dict) -> dict:
    say = streamed if case["streamed"] else whole
    items = [{"role": "user", "content": "Who keeps the light"}]
    first = say(client, case["model"], items)
    call = next(item for item in first.output if item.type == "function_call")
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "Nobody since 1932"}
    made = {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments}
    second = say(client, case["model"], [*items, made, result])
    return {
        "call": call.name,
        "arguments": json.loads(call.arguments),
        "text": second.output_text,
        "ends": [first.status, second.status],
        "tokens": [[answer.usage.input_tokens, answer.usage.output_tokens] for answer in (first, second)],
    }


def whole(client: openai.OpenAI, model: str, items: list) -> openai.types.responses.Response:
    return client.responses.create(model=model, instructions="Be brief", input=items, tools=TOOLS)


def streamed(client: openai.OpenAI, model: str, items: list) -> openai.types.responses.Response:
    with client.responses.stream(model=model, instructions="Be brief", input=items, tools=TOOLS) as stream:
        seen = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        response = stream.get_final_response()
    assert seen == response.output_text
    return response


main()
