"""Eq. 1 for soft labels as Python reward functions are written: regular expressions, then numpy or plain floats.

Same rules as src/dsl/{Reward,Leakage}.ts and src/tasks/classification; the sum of all rewards must be ours.
"""
import math
import re
import unicodedata

from scoring import serve, workload

try:
    import numpy as np
except ImportError:
    np = None

UNITS = "one two three four five six seven eight nine".split()
TEENS = "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
SPELLED = {w: 11 + i for i, w in enumerate(TEENS)} | {"hundred": 100}
for i, ten in enumerate(TENS):
    SPELLED |= {ten: 20 + 10 * i} | {f"{ten} {u}": 21 + 10 * i + j for j, u in enumerate(UNITS)}
SPELLED_RE = re.compile(rf"\b(?:(?:{'|'.join(TENS)})(?:[- ](?:{'|'.join(UNITS)}))?|{'|'.join(TEENS)}|hundred)\b", re.I)
PERCENT_RE = re.compile(r"\d\s*[%‰]|\bper ?cents?\b", re.I)
DECIMAL_RE = re.compile(r"\d\.\d+|(?<![\w.])\.\d+|(?<!\w)0,\d+")
SHARE_RE = re.compile(r"\d\s*[/⁄]\s*\d+|\d\s+out\s+of\s+\d+", re.I)
LIST_RE = re.compile(r"[\[({]([\s\d,;:+-]*)[\])}]")
DIGITS_RE = re.compile(r"[0-9]+")
BEFORE_RE = re.compile(r"([^\W\d_]+|[:=~])\s*$")
AFTER_RE = re.compile(r"^\s+([^\W\d_]+)")
SPLIT_RE = re.compile(r"(?<!\d)\d(?: \d)+(?!\d)")
TAG_RE = re.compile(r"</?[a-z|!][^<>]{0,60}>", re.I)
LETTER_RE = re.compile(r"[^\W\d_]")
INTEGER_RE = re.compile(r"[1-9][0-9]{0,2}")


def leaks(reasoning, coordinates, names):
    text = unicodedata.normalize("NFKC", reasoning)
    if PERCENT_RE.search(text) or DECIMAL_RE.search(text) or SHARE_RE.search(text):
        return True
    if any(len(DIGITS_RE.findall(inside)) > 1 for inside in LIST_RE.findall(text)):
        return True
    if not text.isascii() and any(c.isnumeric() and c not in "0123456789" for c in text):
        return True
    for match in DIGITS_RE.finditer(text):
        if int(match[0]) not in coordinates:
            continue
        before = BEFORE_RE.search(text[max(0, match.start() - 40):match.start()])
        after = AFTER_RE.search(text[match.end():match.end() + 40])
        counts = int(match[0]) <= 10 and after and after[1].lower() not in names and not (
            before and (before[1] in ":=~" or before[1].lower() in names))
        if not counts:
            return True
    for run in SPLIT_RE.findall(text):
        digits = run.split(" ")
        for i in range(len(digits) - 1):
            if int("".join(digits[i:i + 2])) in coordinates or int("".join(digits[i:i + 3])) in coordinates:
                return True
    return any(SPELLED.get(word.lower().replace("-", " ")) in coordinates for word in SPELLED_RE.findall(text))


def percents(truth):
    exact = [100 * p for p in truth]
    whole = [math.floor(x + 1e-9) for x in exact]
    order = sorted(range(len(exact)), key=lambda i: (whole[i] - exact[i], i))
    for i in order[:100 - sum(whole)]:
        whole[i] += 1
    return whole


def decode(text, index):
    words = text.split()
    if not words or len(words) % 2:
        return None
    values = [0.0] * len(index)
    for label, number in zip(words[::2], words[1::2]):
        i = index.get(label)
        if i is None or values[i] or not INTEGER_RE.fullmatch(number) or int(number) > 100:
            return None
        values[i] = int(number) / 100
    return values


def similarity_numpy(truth, predicted):
    a, b = np.asarray(truth), np.asarray(predicted)
    total = b.sum()
    p, q = np.maximum(a, 1e-10), np.maximum(b, 1e-10)
    p, q = p / p.sum(), q / q.sum()
    kld = max(0.0, float(np.sum(p * np.log(p / q))))
    return float(np.exp(-(kld + np.mean((a - b) ** 2))) * np.exp(-abs(np.log10(total / a.sum()))))


def similarity_floats(truth, predicted):
    total = sum(predicted)
    p, q = [max(x, 1e-10) for x in truth], [max(x, 1e-10) for x in predicted]
    ps, qs = sum(p), sum(q)
    kld = max(0.0, sum(x / ps * math.log((x / ps) / (y / qs)) for x, y in zip(p, q)))
    mse = sum((x - y) ** 2 for x, y in zip(truth, predicted)) / len(truth)
    return math.exp(-(kld + mse)) * math.exp(-abs(math.log10(total / sum(truth))))


def main():
    work = workload()
    index = {label: i for i, label in enumerate(work["labels"])}
    names = set(index)

    def reward(turn, similarity):
        truth, reasoning = turn["truth"], turn["reasoning"]
        if leaks(reasoning, {p for p in percents(truth) if p}, names):
            return 0.0
        words = reasoning.split()
        if TAG_RE.search(reasoning) or sum(1 for w in words if LETTER_RE.search(w)) < 5:
            return 0.0
        predicted = decode(turn["reconstruction"], index)
        return 0.0 if predicted is None else similarity(truth, predicted)

    run = lambda similarity: lambda: sum(reward(turn, similarity) for turn in work["turns"])
    with_numpy = [] if np is None else [(f"numpy {np.__version__}", run(similarity_numpy))]
    serve(work["total"], [("plain floats", run(similarity_floats)), *with_numpy])


main()
