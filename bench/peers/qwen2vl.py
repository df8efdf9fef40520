"""Qwen2-VL in transformers, given the very tokens and patches that we read. Imported by other peers."""
import base64
import json
import os
import sys
import warnings

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")

import numpy as np
import torch
import transformers
from transformers import Qwen2VLForConditionalGeneration

NAME = f"transformers {transformers.__version__}"


def workload():
    with open(sys.argv[1], encoding="utf-8") as file:
        return json.load(file)


def load(path, precision="float32"):
    dtype = getattr(torch, precision)
    return Qwen2VLForConditionalGeneration.from_pretrained(path, dtype=dtype, attn_implementation="sdpa").eval()


def inputs(model, prompt, count=1):
    """Arguments of forward and generate for `count` copies of a prompt, each with its own pictures."""
    ids = torch.tensor([prompt["tokens"]]).repeat(count, 1)
    found = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if prompt["pictures"]:
        grids = [picture["grid"] for picture in prompt["pictures"]]
        patches = [
            torch.from_numpy(np.frombuffer(base64.b64decode(picture["patches"]), dtype="<f4").copy())
            .view(int(np.prod(picture["grid"])), -1)
            for picture in prompt["pictures"]
        ]
        found["pixel_values"] = torch.cat(patches).to(model.dtype).repeat(count, 1)
        found["image_grid_thw"] = torch.tensor(grids).repeat(count, 1)
        found["mm_token_type_ids"] = (ids == model.config.image_token_id).int()
    return found


def logprobs_of(logits, tokens):
    """Log-probability of each token under the logits before it, in float32."""
    logits = logits.float()
    return logits.gather(-1, tokens.unsqueeze(-1)).squeeze(-1) - logits.logsumexp(-1)


def parameters(model):
    return sum(p.numel() for p in model.parameters())
