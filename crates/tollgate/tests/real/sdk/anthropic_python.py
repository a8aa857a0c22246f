"""The official Anthropic SDK for Python, unmodified, against a gateway.

    python anthropic_python.py GATEWAY < cases.json

Asks a question with a tool on offer, answers the call, and prints one line of JSON for each case: what a program
that uses the SDK would see.
"""

import json
import sys

import anthropic

SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
TOOLS = [{"name": "look_up", "description": "Looks something up", "input_schema": SCHEMA}]


def main() -> None:
    for case in json.load(sys.stdin):
        client = anthropic.Anthropic(api_key=case["key"], base_url=sys.argv[1], timeout=120)
        print(json.dumps({"name": case["name"], **conversation(client, case)}), flush=True)


def conversation(client: anthropic.Anthropic, case: dict) -> dict:
    say = streamed if case["streamed"] else whole
    messages = [{"role": "user", "content": "Who keeps the light"}]
    first = say(client, case["model"], messages)
    call = next(block for block in first.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "Nobody since 1932"}
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = say(client, case["model"], messages)
    return {
        "call": call.name,
        "arguments": call.input,
        "text": "".join(block.text for block in second.content if block.type == "text"),
        "ends": [first.stop_reason, second.stop_reason],
        "tokens": [[answer.usage.input_tokens, answer.usage.output_tokens] for answer in (first, second)],
    }


def whole(client: anthropic.Anthropic, model: str, messages: list) -> anthropic.types.Message:
    return client.messages.create(model=model, max_tokens=500, system="Be brief", messages=messages, tools=TOOLS)


def streamed(client: anthropic.Anthropic, model: str, messages: list) -> anthropic.types.Message:
    asked = dict(model=model, max_tokens=500, system="Be brief", messages=messages, tools=TOOLS)
    with client.messages.stream(**asked) as stream:
        seen = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert seen == "".join(block.text for block in message.content if block.type == "text")
    return message


main()
