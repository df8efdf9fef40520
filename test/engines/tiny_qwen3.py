"""Writes a Qwen3 of a hundred thousand random weights: python tiny_qwen3.py DIRECTORY. Every byte is a token, and so
is every tag of a think-answer; there are marks of pictures, which the model does not read. Embeddings are tied: weights of the usual 0.02 could hardly
move their logits through an adapter."""
import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

out = sys.argv[1]
control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]
tags = ["<think>", "</think>", "<answer>", "</answer>"]
alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
text = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
text.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
text.decoder = decoders.ByteLevel()
text.add_special_tokens(control)
text.add_tokens(tags)
tokenizer = PreTrainedTokenizerFast(tokenizer_object=text, eos_token="<|im_end|>", pad_token="<|endoftext|>")
tokenizer.chat_template = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
tokenizer.save_pretrained(out)

torch.manual_seed(0)
config = Qwen3Config(
    vocab_size=320, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=16, max_position_embeddings=2048, tie_word_embeddings=True,
    initializer_range=0.15, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
Qwen3ForCausalLM(config).float().save_pretrained(out)
