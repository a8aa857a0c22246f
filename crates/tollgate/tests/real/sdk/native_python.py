"""The official SDKs for Python of Anthropic, Google and OpenAI, unmodified, each in its provider's own format.

    python native_python.py GATEWAY < cases.json

Each case names an SDK, a key and a way of asking. Prints one line of JSON for each case: what a program that uses
the SDK would see.
"""

import json
import sys

import anthropic
import openai
from google import genai
from google.genai import errors, types

MODEL = "sandbox-small"
PROMPT = "What is a lighthouse?"


def main() -> None:
    gateway = sys.argv[1]
    for case in json.load(sys.stdin):
        seen = SDKS[case["sdk"]](gateway, case["key"], case["action"])
        print(json.dumps({"name": case["name"], **seen}), flush=True)


def of_anthropic(gateway: str, key: str, action: str) -> dict:
    client = anthropic.Anthropic(api_key=key, base_url=gateway)
    messages = [{"role": "user", "content": PROMPT}]
    said = ""
    try:
        if action == "models":
            client.models.list()
        elif action == "whole":
            client.messages.create(model=MODEL, max_tokens=100, messages=messages)
        else:
            with client.messages.stream(model=MODEL, max_tokens=100, messages=messages) as stream:
                for text in stream.text_stream:
                    said += text
        return {"said": said}
    except anthropic.APIStatusError as error:
        return {
            "said": said,
            "error": type(error).__name__,
            "status": error.status_code,
            "kind": error.type,
            "reason": error.error_code,
            "message": error.body["error"]["message"],
            "request_id": error.request_id,
        }


def of_google(gateway: str, key: str, action: str) -> dict:
    client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=gateway))
    said = ""
    try:
        if action == "whole":
            client.models.generate_content(model=MODEL, contents=PROMPT)
        else:
            for chunk in client.models.generate_content_stream(model=MODEL, contents=PROMPT):
                said += chunk.text or ""
        return {"said": said}
    except errors.APIError as error:
        info = error.details["error"]["details"][0]
        return {
            "said": said,
            "error": type(error).__name__,
            "status": error.code,
            "kind": error.status,
            "reason": info["reason"].lower(),
            "message": error.message,
            "request_id": info["metadata"]["request_id"],
        }


def of_openai(gateway: str, key: str, _: str) -> dict:
    client = openai.OpenAI(api_key=key, base_url=f"{gateway}/v1")
    said = ""
    try:
        for event in client.responses.create(model=MODEL, input=PROMPT, stream=True):
            said += event.delta if event.type == "response.output_text.delta" else ""
        return {"said": said}
    except openai.APIError as error:
        return {
            "said": said,
            "error": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "kind": error.type,
            "reason": error.code,
            "message": error.body["message"],
            "request_id": error.body["request_id"],
        }


SDKS = {"anthropic": of_anthropic, "google": of_google, "openai": of_openai}

if __name__ == "__main__":
    main()
