"""A picture annotated by transformers in a process of its own: `python start.py MODEL PICTURE PROMPT`."""
import os
import sys

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from PIL import Image
from transformers import PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

folder, picture, prompt = sys.argv[1:]
torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
model = Qwen2VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
turn = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]
text = tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
pixels = Qwen2VLImageProcessorPil.from_pretrained(folder)(Image.open(picture).convert("RGB"), return_tensors="pt")
merged = int(pixels["image_grid_thw"].prod()) // 4
pad = tokenizer.convert_ids_to_tokens(model.config.image_token_id)
ids = torch.tensor([tokenizer(text.replace(pad, pad * merged), add_special_tokens=False)["input_ids"]])
with torch.inference_mode():
    out = model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), mm_token_type_ids=(ids == model.config.image_token_id).int(),
        **pixels, do_sample=False, max_new_tokens=224)
answer = tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True).strip()
if not answer.endswith("</answer>"):
    sys.exit(f"no answer: {answer!r}")
print(answer, flush=True)
