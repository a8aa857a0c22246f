"""The official OpenAI SDK for Python, unmodified, against a gateway.

    python openai_python.py GATEWAY < cases.json

Prints one line of JSON for each case: what a program that uses the SDK would see.
"""

import json
import sys
import time

import openai


def main() -> None:
    gateway = sys.argv[1]
    for case in json.load(sys.stdin):
        client = openai.OpenAI(
            api_key=case["key"], base_url=f"{gateway}/v1", default_headers=case.get("headers", {}), timeout=120
        )
        began = time.monotonic()
        try:
            seen = ACTIONS[case["action"]](client, case.get("body", {}))
        except openai.APIError as error:
            seen = refused(error)
        seen["seconds"] = time.monotonic() - began
        print(json.dumps({"name": case["name"], **seen}), flush=True)


def refused(error: openai.APIError) -> dict:
    body = error.body if isinstance(error.body, dict) else {}
    return {
        "error": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "code": error.code,
        "message": body.get("message") or error.message,
        "request_id": getattr(error, "request_id", None),
    }


def completion(client: openai.OpenAI, body: dict) -> dict:
    answer = client.chat.completions.create(**body)
    return {"text": answer.choices[0].message.content, "tokens": answer.usage.completion_tokens}


def stream(client: openai.OpenAI, body: dict) -> dict:
    chunks = [chunk for chunk in client.chat.completions.create(stream=True, **body)]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    usage = [chunk.usage.completion_tokens for chunk in chunks if chunk.usage]
    return {"text": text, "tokens": usage[-1] if usage else None}


def embedding(client: openai.OpenAI, body: dict) -> dict:
    answer = client.embeddings.create(**body)
    return {"dimensions": len(answer.data[0].embedding), "tokens": answer.usage.prompt_tokens}


def models(client: openai.OpenAI, _: dict) -> dict:
    return {"models": [model.id for model in client.models.list()]}


ACTIONS = {"completion": completion, "stream": stream, "embedding": embedding, "models": models}

if __name__ == "__main__":
    main()
