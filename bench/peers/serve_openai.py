"""Asks `rise serve` with OpenAI's own client for Python, the way its users do.

    node src/cli/rise.ts serve --port 8091
    python bench/peers/serve_openai.py http://127.0.0.1:8091 picture.png    # needs the package openai

Prints one JSON object; ends with an error where an answer is not what the protocol says.
"""
import base64
import json
import math
import sys

import openai

BASE, PICTURE = sys.argv[1], sys.argv[2]
TOKEN = sys.argv[3] if len(sys.argv) > 3 else "unused"
client = openai.OpenAI(base_url=f"{BASE}/v1", api_key=TOKEN, max_retries=0)
url = "data:image/png;base64," + base64.b64encode(open(PICTURE, "rb").read()).decode()
name = client.models.list().data[0].id
assert client.models.retrieve(name).id == name


def turn(text=""):
    parts = [{"type": "text", "text": text}] if text else []
    return [{"role": "user", "content": [*parts, {"type": "image_url", "image_url": {"url": url, "detail": "high"}}]}]


def ask(text="", **more):
    return client.chat.completions.create(model=name, messages=turn(text), **more)


def refused(kind, param=None, **more):
    try:
        ask(**more)
    except kind as error:
        assert error.body["message"] and error.body["type"], error.body
        assert param is None or error.param == param, (error.param, param)
        return error.status_code
    raise AssertionError(f"{kind.__name__} was expected of {more}")


whole = ask(temperature=0, logprobs=True, max_completion_tokens=200)
choice = whole.choices[0]
text = choice.message.content
assert text.startswith("<think>") and text.endswith("</answer>"), text
assert choice.finish_reason == "stop" and choice.message.role == "assistant"
tokens = choice.logprobs.content
assert "".join(token.token for token in tokens).strip() == text
assert bytes(byte for token in tokens for byte in token.bytes).decode().strip() == text
assert all(math.isfinite(token.logprob) and token.logprob <= 1e-6 for token in tokens)
assert whole.usage.completion_tokens == len(tokens) + 1 and whole.usage.prompt_tokens > 16

# A stream says the same, a piece a token.
chunks = list(ask(temperature=0, stream=True, stream_options={"include_usage": True}, logprobs=True))
pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
assert "".join(pieces) == text, ("".join(pieces), text)
assert chunks[-1].usage.total_tokens == whole.usage.total_tokens and chunks[-2].choices[0].finish_reason == "stop"
assert len({chunk.id for chunk in chunks}) == 1

drawn = ask(n=4, temperature=1, seed=3, max_tokens=64)
again = ask(n=4, temperature=1, seed=3, max_tokens=64)
texts = [choice.message.content for choice in drawn.choices]
assert texts == [choice.message.content for choice in again.choices] and len(set(texts)) > 1
assert ask(temperature=0, stop=["</think>"]).choices[0].message.content == text.split("</think>")[0]
assert ask(temperature=0, max_tokens=2, extra_body={"mask": False}).choices[0].finish_reason == "length"
free = ask("Explain this picture.", temperature=0, top_p=0.9).choices[0].message.content
assert free and "<answer>" not in free, free

statuses = {
    "model": refused(openai.NotFoundError, "model", extra_body={"model": "gpt-5"}),
    "role": refused(openai.BadRequestError, "messages.0.role", extra_body={"messages": [{"role": "system", "content": "?"}]}),
    "tools": refused(openai.BadRequestError, "tools", tools=[{"type": "function", "function": {"name": "f"}}]),
    "unknown": refused(openai.BadRequestError, "top_k", extra_body={"top_k": 1}),
    "temperature": refused(openai.BadRequestError, "temperature", temperature=-1),
    "length": refused(openai.BadRequestError, "max_tokens", max_tokens=10**6),
    "picture": refused(openai.BadRequestError, extra_body={"messages": [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]}),
    "address": refused(openai.BadRequestError, extra_body={"messages": [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}]}),
}
print(json.dumps({"openai": openai.__version__, "text": text, "free": free, "tokens": len(tokens),
                  "chunks": len(chunks), "distinct": len(set(texts)), "statuses": statuses}))
