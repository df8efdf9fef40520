"""The line protocol of decoder.py for peers without a model: rewards computed in Python.

A peer is started with the path of a workload (JSON) that also holds the total we computed: a peer that arrives at another one
does other work and stops. Modules that are missing leave their candidates out.
"""
import json
import sys
import time


def timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def reply(value):
    print(json.dumps(value), flush=True)


def workload():
    with open(sys.argv[1], encoding="utf-8") as file:
        return json.load(file)


def serve(expected, candidates):
    """candidates: list of (label, thunk returning its total). The fastest becomes the peer."""
    best = None
    for label, call in candidates:
        total = call()
        if abs(total - expected) > 1e-6 * max(1, abs(expected)):
            sys.exit(f"{label}: total {total}, expected {expected}")
        seconds = min(timed(call) for _ in range(5))
        if best is None or seconds < best[0]:
            best = (seconds, label, call)
    _, label, call = best
    reply({"ready": True, "name": f"Python {sys.version_info.major}.{sys.version_info.minor}, {label}", "parameters": 0})
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] == "quit":
            break
        if words[0] != "run":
            sys.exit(f"unknown request: {line!r}")
        reply({"seconds": [timed(call) for _ in range(int(words[1]))]})
