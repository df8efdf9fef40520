"""The peer's model and line protocol: a Qwen2 decoder written for eager PyTorch on a CPU.

Same shapes as bench/shapes.ts. Written to be fast, not to look like a library: fused query-key-value and gate-up
products where no gradient is needed, `scaled_dot_product_attention`, `rms_norm`, one preallocated cache.
`torch.compile` is left out: it needs a C++ compiler on the user's machine and minutes per shape.
"""
import json
import math
import resource
import sys
import time

import torch
import torch.nn.functional as F

SHAPES = {
    "2M": dict(hidden=192, layers=4, heads=6, kv_heads=2, head_dim=32, intermediate=512, vocab=2048),
    "27M": dict(hidden=512, layers=8, heads=8, kv_heads=2, head_dim=64, intermediate=1408, vocab=8192),
}
EPS, THETA = 1e-6, 1_000_000.0


def parameters(shape, generator):
    """Named leaves, [out, in] as torch.nn.Linear keeps them. Embedding and head are tied."""
    h, d, m = shape["hidden"], shape["head_dim"], shape["intermediate"]
    q, kv = shape["heads"] * d, shape["kv_heads"] * d
    weight = lambda *s: torch.randn(*s, generator=generator) * 0.02
    out = {"embed": weight(shape["vocab"], h), "norm": torch.ones(h)}
    for i in range(shape["layers"]):
        out |= {
            f"{i}.ln1": torch.ones(h), f"{i}.ln2": torch.ones(h),
            f"{i}.q": weight(q, h), f"{i}.k": weight(kv, h), f"{i}.v": weight(kv, h), f"{i}.o": weight(h, q),
            f"{i}.qb": torch.zeros(q), f"{i}.kb": torch.zeros(kv), f"{i}.vb": torch.zeros(kv),
            f"{i}.gate": weight(m, h), f"{i}.up": weight(m, h), f"{i}.down": weight(h, m),
        }
    return out


def rotary(shape, length):
    d = shape["head_dim"]
    inverse = THETA ** (-torch.arange(0, d, 2, dtype=torch.float32) / d)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), inverse)
    angles = torch.cat([angles, angles], -1)
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


def serve(name, candidates):
    """Picks the fastest candidate, then answers `run N` with the seconds of N calls, until end of input.

    candidates: list of (label, threads, thunk).
    """
    best = None if len(candidates) > 1 else (0, *candidates[0])
    for label, threads, call in candidates if best is None else []:
        torch.set_num_threads(threads)
        # The first call warms up; hopeless candidates are not timed to the end.
        if best is not None and timed(call) > 2 * best[0]:
            continue
        seconds = timed(call)
        if best is None or seconds < 1.2 * best[0]:
            seconds = min(seconds, timed(call), timed(call))
        if best is None or seconds < best[0]:
            best = (seconds, label, threads, call)
    _, label, threads, call = best
    torch.set_num_threads(threads)
    call()
    reply({"ready": True, "name": f"PyTorch {torch.__version__} eager, {threads} thread{'s' if threads > 1 else ''}{', ' + label if label else ''}", **name})
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] == "quit":
            break
        if words[0] != "run":
            sys.exit(f"unknown request: {line!r}")
        reply({"seconds": [timed(call) for _ in range(int(words[1]))], "peakGib": round(peak_gib(), 3)})


def timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def peak_gib():
    """The most that this process has had resident."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**30 if sys.platform == "darwin" else most / 2**20


def reply(value):
    print(json.dumps(value), flush=True)


def thread_settings():
    import os
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return sorted({1, cores})


__all__ = ["SHAPES", "EPS", "parameters", "rotary", "rotate", "serve", "thread_settings", "timed", "torch", "F", "math", "sys"]
