"""Asks a model that `rise export --onnx DIR` wrote about pictures, with onnxruntime and nothing of this project.

    pip install onnxruntime tokenizers pillow numpy
    python annotate.py DIR picture.png …
"""
import json, math, sys
from pathlib import Path
import numpy as np, onnxruntime
from PIL import Image, ImageOps
from tokenizers import Tokenizer

folder = Path(sys.argv[1])
about = json.loads((folder / "rise-export.json").read_text())
picture, prompt, answer = about["picture"], about["prompt"], about["answer"]
graphs = {name: onnxruntime.InferenceSession(folder / graph["file"]) for name, graph in about["graphs"].items()}
words = Tokenizer.from_file(str(folder / "tokenizer.json"))

def run(name, feeds):
    outputs = [output.name for output in graphs[name].get_outputs()]
    return dict(zip(outputs, graphs[name].run(outputs, feeds)))

def fitted(width, height, side=picture["patch"] * picture["merge"]):  # sides of whole visual tokens, an area in bounds
    least, most, area = picture["minPixels"], picture["maxPixels"], width * height
    near = [round(width / side) * side, round(height / side) * side]
    if near[0] * near[1] > most:
        return [max(side, math.floor(x / math.sqrt(area / most) / side) * side) for x in (width, height)]
    return near if near[0] * near[1] >= least else [math.ceil(x * math.sqrt(least / area) / side) * side for x in (width, height)]

def patches(image):  # block by block of merge × merge patches; in a patch channel, time, row, column
    patch, merge, times, slots, window = (picture[key] for key in ("patch", "merge", "temporalPatch", "slots", "window"))
    image = ImageOps.exif_transpose(image).convert("RGB")
    image = image.resize(fitted(*image.size), Image.BICUBIC) if picture["resized"] else image
    values = np.asarray(image, np.float32) * np.float32(picture["scale"])
    values = (values - np.float32(picture["mean"])) / np.float32(picture["std"])
    rows, columns = values.shape[0] // patch // merge, values.shape[1] // patch // merge
    tokens = values.reshape(rows, merge, patch, columns, merge, patch, 3).transpose(0, 3, 1, 4, 6, 2, 5)
    flat = np.repeat(tokens.reshape(-1, 3, 1, patch * patch), times, 2).reshape(rows * columns * merge ** 2, -1)
    row, column = np.divmod(np.arange(rows * columns), columns)  # of a visual token; `slot`: where the tower has it
    across = math.ceil(columns / window)
    slot = (row // window * across + column // window) * window ** 2 + row % window * window + column % window
    if (slot.max() + 1) * merge ** 2 > slots or len(slot) + len(prompt["before"]) + len(prompt["after"]) > prompt["length"]:
        sys.exit(f"a picture of {columns} × {rows} visual tokens exceeds what these graphs have room for")
    places = (slot[:, None] * merge ** 2 + np.arange(merge ** 2)).ravel()
    feeds = {name: np.zeros(slots, np.int32) for name in ("patchRow", "patchColumn", "patchFilled")}
    feeds["patches"], inside = np.zeros((slots, flat.shape[1]), np.float32), np.divmod(np.arange(merge ** 2), merge)
    feeds["patches"][places], feeds["patchFilled"][places] = flat, 1
    feeds["patchRow"][places] = (row[:, None] * merge + inside[0]).ravel()
    feeds["patchColumn"][places] = (column[:, None] * merge + inside[1]).ravel()
    if "patchRows" in about["graphs"]["tower"]["inputs"]:  # learned positions are stretched over the picture
        feeds |= {"patchRows": np.int32([rows * merge]), "patchColumns": np.int32([columns * merge])}
    return feeds, row, column, slot

def annotate(image):
    feeds, row, column, slot = patches(image)
    visual = run("tower", feeds)["visual"]
    before, after, length = len(prompt["before"]), len(prompt["after"]), prompt["length"]
    padded = lambda values, rest=0: np.int32([*values, *[rest] * (length - len(values))])
    start = before + max(row.max(), column.max()) + 1  # text goes on behind the longer side of the picture
    at = lambda place: padded([*range(before), *(before + place), *range(start, start + after)])
    state = run("prefill", {
        "tokens": padded([*prompt["before"], *[prompt["imageToken"]] * len(slot), *prompt["after"]]),
        "visualIndex": padded([*[len(visual)] * before, *slot, *[len(visual)] * after], len(visual)),
        "temporal": at(row * 0), "height": at(row), "width": at(column),
        "visual": visual, "count": np.int32([before + len(slot) + after])})
    state = {name: state[made] for made, name in about["graphs"]["prefill"]["next"].items()}
    said = []
    for turn in range(answer["maxTokens"]):
        out = run("step", {**state, "turn": np.array(turn, np.int32), "positions": np.int64([[start + after + turn]])})
        if out["sampled"][0] in answer["ends"]:
            break
        said.append(out["sampled"][0])
        state |= {name: out[made] for made, name in about["graphs"]["step"]["next"].items()}
    return words.decode(said, skip_special_tokens=False).strip()

for name in sys.argv[2:]:
    print(json.dumps({"image": name, "text": annotate(Image.open(name))}, ensure_ascii=False))
