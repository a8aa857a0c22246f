"""Reads every golden with the providers' own Python SDKs: their types must accept it, and what collects their
streams must come to the same answer. Needs `pip install openai anthropic google-genai`; run by hand.
"""

import json
import pathlib
import sys

import pydantic
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParams
from google.genai import types as genai
from openai._types import omit
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParams
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParams

HERE = pathlib.Path(__file__).parent
TEXT = 'Let me look – "now".\n'
CALLS = [("get_weather", {"city": "Paris"}), ("now", {})]


class GeminiRequest(pydantic.BaseModel, extra="forbid", alias_generator=pydantic.alias_generators.to_camel):
    system_instruction: genai.Content | None = None
    contents: list[genai.Content]
    tools: list[genai.Tool] | None = None
    tool_config: genai.ToolConfig | None = None
    generation_config: genai.GenerationConfig | None = None



REQUESTS = {
    "chat": CompletionCreateParams,
    "responses": ResponseCreateParams,
    "messages": MessageCreateParams,
    "gemini": GeminiRequest,
}
ANSWERS = {"chat": ChatCompletion, "responses": Response, "messages": Message, "gemini": genai.GenerateContentResponse}


def content(path):
    return path.read_text().split("---\n", 2)[2]


def data(stream):
    lines = (line.removeprefix("data: ") for line in stream.splitlines() if line.startswith("data: "))
    return [json.loads(line) for line in lines if line != "[DONE]"]


def collect_chat(events):
    state = ChatCompletionStreamState()
    for event in events:
        chunk = ChatCompletionChunk.model_validate(event, strict=True)
        state.handle_chunk(chunk)
    message = state.get_final_completion().choices[0].message
    return message.content, [(c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls]


def collect_responses(events):
    state = ResponseStreamState(input_tools=omit, text_format=omit)
    adapter = pydantic.TypeAdapter(ResponseStreamEvent)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for event in events:
        state.handle_event(adapter.validate_python(event, strict=True))
    output = state._completed_response.output
    texts = [part.text for item in output if item.type == "message" for part in item.content]
    return "".join(texts), [(i.name, json.loads(i.arguments)) for i in output if i.type == "function_call"]


def collect_messages(events):
    snapshot, buffers = None, {}
    adapter = pydantic.TypeAdapter(RawMessageStreamEvent)
    for event in events:
        event = adapter.validate_python(event, strict=True)
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    assert snapshot.stop_reason == "tool_use" and snapshot.usage.input_tokens == 70
    texts = [block.text for block in snapshot.content if block.type == "text"]
    return "".join(texts), [(b.name, b.input) for b in snapshot.content if b.type == "tool_use"]


def collect_gemini(events):
    parts = []
    for event in events:
        chunk = genai.GenerateContentResponse.model_validate(event)
        parts += chunk.candidates[0].content.parts
    texts = [part.text for part in parts if part.text and not part.thought]
    return "".join(texts), [(p.function_call.name, p.function_call.args) for p in parts if p.function_call]


COLLECT = {
    "chat": collect_chat,
    "responses": collect_responses,
    "messages": collect_messages,
    "gemini": collect_gemini,
}

checked = failed = 0
for path in sorted(HERE.glob("*/*.snap")):
    kind, target = path.parent.name, path.stem.rsplit("_", 1)[1]
    checked += 1
    try:
        if kind == "requests":
            body = json.loads(content(path).split("\n", 1)[1])
            pydantic.TypeAdapter(REQUESTS[target]).validate_python(body)
        elif kind == "answers":
            pydantic.TypeAdapter(ANSWERS[target]).validate_python(json.loads(content(path)))
        elif kind == "streams":
            collected = COLLECT[target](data(content(path)))
            assert collected == (TEXT, CALLS), collected
    except Exception as error:  # Every golden is looked at, whatever is wrong with one.
        failed += 1
        print(f"{kind}/{path.name}: {type(error).__name__}: {str(error)[:1500]}")
print(f"{checked} goldens, {failed} refused")
sys.exit(failed > 0)
