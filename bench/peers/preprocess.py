"""JPEGs to patches by transformers' image processors: `python preprocess.py WORKLOAD`. See decoder.py for the protocol.

Three ways are timed and the fastest is the peer: torchvision's decoder or Pillow's before the processor that works on
torchvision, and Pillow's before the one that works on Pillow. Grids have to be ours, values up to the decoder's rounding.
"""
import base64
import io
import sys

import torchvision  # the fast processor's
from PIL import Image
from qwen2vl import NAME, torch, workload
from torchvision.io import ImageReadMode, decode_jpeg
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor

from decoder import serve, thread_settings


def main():
    work = workload()
    jpegs = [base64.b64decode(jpeg) for jpeg in work["jpegs"]]
    tensors = lambda: [decode_jpeg(torch.frombuffer(bytearray(jpeg), dtype=torch.uint8), ImageReadMode.RGB) for jpeg in jpegs]
    pillow = lambda: [Image.open(io.BytesIO(jpeg)).convert("RGB") for jpeg in jpegs]
    ways = {}
    for together in (True, False):
        for decoder, decode in (("torchvision", tensors), ("Pillow", pillow)):
            for kind, make in (("fast", Qwen2VLImageProcessor), ("Pillow", Qwen2VLImageProcessorPil)):
                if kind == "Pillow" and (decoder != "Pillow" or together):
                    continue
                processor = make(**work["config"])
                label = f"decoded by {decoder}, {kind} processor, {'all' if together else 'one'} at a time"
                if together:
                    ways[label] = lambda p=processor, d=decode: [p(d(), return_tensors="pt")]
                else:
                    ways[label] = lambda p=processor, d=decode: [p([picture], return_tensors="pt") for picture in d()]
    for label, call in ways.items():
        out = call()
        pixels = torch.cat([part["pixel_values"] for part in out]).split(
            [int(torch.tensor(value["grid"]).prod()) for value in work["values"]])
        grids = torch.cat([part["image_grid_thw"] for part in out]).tolist()
        for values, grid, wanted in zip(pixels, grids, work["values"]):
            mean, square = values.double().mean().item(), values.double().square().mean().item()
            if grid != wanted["grid"] or abs(mean - wanted["mean"]) > 0.02 or abs(square - wanted["square"]) > 0.05:
                sys.exit(f"{label}: {grid}, mean {mean}, mean square {square}; ours {wanted}")
    name = f"{NAME}, torchvision {torchvision.__version__}"
    serve({"parameters": 0}, [(f"{name}, {label}", threads, call) for threads in thread_settings() for label, call in ways.items()])


main()
