"""Greedy text on a picture by transformers' `generate`: `python generate.py WORKLOAD`. See decoder.py for the protocol.

The text has to be ours.
"""
import sys

from qwen2vl import NAME, inputs, load, parameters, torch, workload

from decoder import serve, thread_settings


def main():
    work = workload()
    model = load(work["model"])
    feeds, wanted = inputs(model, work["inputs"]), work["tokens"]
    length = feeds["input_ids"].shape[1]

    @torch.inference_mode()
    def generate(**options):
        out = model.generate(**feeds, do_sample=False, max_new_tokens=len(wanted), **options)
        return out[0, length:].tolist()

    ways = {"dynamic cache": {}, "static cache": {"cache_implementation": "static", "disable_compile": True}}
    for label, options in ways.items():
        text = generate(**options)
        if text != wanted:
            first = next(i for i, (a, b) in enumerate(zip(text + [None], wanted + [None])) if a != b)
            sys.exit(f"{label}: another text from token {first} on")
    serve({"parameters": parameters(model), "tokens": length},
          [(f"{NAME}, {label}", threads, lambda options=options: generate(**options))
           for threads in thread_settings() for label, options in ways.items()])


main()
