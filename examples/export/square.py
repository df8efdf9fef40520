"""Asks a model that `rise export --onnx DIR` wrote about pictures, each made a square: annotate.py takes any shape.

    pip install onnxruntime tokenizers pillow numpy
    python square.py DIR picture.png …
"""
import json, sys
import numpy as np, onnxruntime
from PIL import Image, ImageOps
from tokenizers import Tokenizer

folder = sys.argv[1]
about, square = (json.load(open(f"{folder}/{name}")) for name in ("rise-export.json", "square.json"))
graphs = {name: onnxruntime.InferenceSession(f"{folder}/{name}.onnx") for name in ("square", "prefill", "step")}
prompt = {name: np.int32(values) for name, values in square["prefill"].items()}
words = Tokenizer.from_file(f"{folder}/tokenizer.json")

def run(name, feeds):  # what a graph leaves for the next has the name that the next takes it by
    left = about["graphs"].get(name, {}).get("next", {})
    outputs = [output.name for output in graphs[name].get_outputs()]
    return {left.get(output, output): value for output, value in zip(outputs, graphs[name].run(outputs, feeds))}

for name in sys.argv[2:]:
    picture = ImageOps.exif_transpose(Image.open(name)).convert("RGB").resize((square["side"],) * 2, Image.BICUBIC)
    visual = run("square", {"pixels": np.asarray(picture.convert("RGBA"))})
    state, said = run("prefill", {**prompt, **visual}), []
    for turn in range(about["answer"]["maxTokens"]):
        position = np.int64([[square["position"] + turn]])
        out = run("step", {**state, "turn": np.array(turn, np.int32), "positions": position})
        if out["sampled"][0] in about["answer"]["ends"]:
            break
        said.append(out["sampled"][0])
        state |= {name: out[name] for name in state if name in out}
    print(words.decode(said, skip_special_tokens=False).strip())
