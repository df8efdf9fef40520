"""Writes a model of a million random weights as transformers saves it. Every byte is a token; heads are 64 wide, the
least that vLLM takes on a CPU.

    python tiny_qwenvl.py DIRECTORY             # a Qwen2-VL
    python tiny_qwenvl.py DIRECTORY qwen3-vl    # a Qwen3-VL in several files, whose template opens the reasoning
"""
import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

out, third = sys.argv[1], "qwen3-vl" in sys.argv[2:]
control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
           "<|image_pad|>", "<|video_pad|>"]
alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
text = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
text.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
text.decoder = decoders.ByteLevel()
text.add_special_tokens(control)
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=text, eos_token="<|im_end|>", pad_token="<|endoftext|>",
    extra_special_tokens={"image_token": "<|image_pad|>", "video_token": "<|video_pad|>",
                          "vision_start_token": "<|vision_start|>", "vision_end_token": "<|vision_end|>"})
template = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' or 'image' in c or 'image_url' in c %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in c %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n" + ("<think>\n" if third else "") + "{% endif %}")
tokenizer.chat_template = template
ids = {name: tokenizer.convert_tokens_to_ids(name) for name in control}

torch.manual_seed(0)
tokens = dict(
    image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
    vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"], tie_word_embeddings=False)
words = dict(
    vocab_size=len(alphabet) + len(control), hidden_size=256, intermediate_size=128, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2048, rope_theta=10000.0,
    bos_token_id=ids["<|endoftext|>"], eos_token_id=ids["<|im_end|>"], pad_token_id=ids["<|endoftext|>"],
    tie_word_embeddings=False)
if third:
    config = Qwen3VLConfig(
        text_config=dict(**words, head_dim=64, rope_scaling={
            "mrope_interleaved": True, "rope_type": "default", "mrope_section": [12, 10, 10]}),
        vision_config=dict(
            depth=3, hidden_size=64, intermediate_size=96, out_hidden_size=256, num_heads=1, patch_size=16, spatial_merge_size=2,
            temporal_patch_size=2, in_channels=3, num_position_embeddings=64, deepstack_visual_indexes=[0, 1]),
        **tokens)
    Qwen3VLForConditionalGeneration(config).float().save_pretrained(out, max_shard_size="2MB")
    images = Qwen2VLImageProcessor(
        size={"shortest_edge": 64 * 64, "longest_edge": 32 * 32 * 16}, patch_size=16, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    processor = Qwen3VLProcessor(image_processor=images, video_processor=Qwen3VLVideoProcessor(), tokenizer=tokenizer,
                                 chat_template=template)
else:
    config = Qwen2VLConfig(
        text_config=dict(**words, rope_scaling={"type": "mrope", "rope_type": "default", "mrope_section": [8, 12, 12]}),
        vision_config=dict(
            depth=2, embed_dim=64, hidden_size=256, num_heads=1, mlp_ratio=2, patch_size=14, spatial_merge_size=2,
            temporal_patch_size=2, in_channels=3),
        **tokens)
    Qwen2VLForConditionalGeneration(config).float().save_pretrained(out)
    images = Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=28 * 28 * 16)
    processor = Qwen2VLProcessor(image_processor=images, video_processor=Qwen2VLVideoProcessor(), tokenizer=tokenizer,
                                 chat_template=template)
tokenizer.save_pretrained(out)
images.save_pretrained(out)
processor.save_pretrained(out)
