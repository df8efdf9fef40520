"""A GRPO step by TRL: `python grpo_step.py MODEL PROMPTS GROUP PROMPT_TOKENS NEW_TOKENS BETA`.

Groups are sampled, scored by a reward that costs nothing, held to a reference by the k3 penalty, and learned from with
AdamW. See decoder.py for the protocol; here a repetition is a step of the trainer's own loop.
"""
import json
import os
import sys
import tempfile
import time
import warnings

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
warnings.filterwarnings("ignore")

import torch
from datasets import Dataset
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

answers = sys.stdout
sys.stdout = sys.stderr


def tell(value):
    print(json.dumps(value), file=answers, flush=True)


def decoder(config):
    """The text decoder of the model's configuration, with random weights."""
    rotary = config.get("rope_theta", 10000)
    shape = Qwen2Config(
        vocab_size=config["vocab_size"],
        hidden_size=config["hidden_size"],
        intermediate_size=config["intermediate_size"],
        num_hidden_layers=config["num_hidden_layers"],
        num_attention_heads=config["num_attention_heads"],
        num_key_value_heads=config["num_key_value_heads"],
        max_position_embeddings=config["max_position_embeddings"],
        rope_theta=rotary,
        tie_word_embeddings=config["tie_word_embeddings"],
        bos_token_id=None,
        eos_token_id=config["eos_token_id"],
        pad_token_id=config["pad_token_id"],
        attn_implementation="sdpa",
    )
    torch.manual_seed(0)
    return Qwen2ForCausalLM(shape)


class Turns(TrainerCallback):
    """Steps when asked to, and tells how long each took."""

    def __init__(self, ready):
        self.ready, self.left, self.times = ready, 0, []

    def on_step_begin(self, args, state, control, **_):
        if self.left == 0:
            if self.times:
                tell({"seconds": self.times})
                self.times = []
            elif self.ready is not None:
                tell(self.ready)
                self.ready = None
            line = sys.stdin.readline().split()
            if len(line) != 2 or line[0] != "run":
                os._exit(0)
            self.left = int(line[1])
        self.began = time.perf_counter()

    def on_step_end(self, args, state, control, **_):
        self.times.append(time.perf_counter() - self.began)
        self.left -= 1


def main():
    folder, (prompts, group, prompt_tokens, new_tokens) = sys.argv[1], map(int, sys.argv[2:6])
    beta = float(sys.argv[6])
    with open(f"{folder}/config.json") as file:
        config = json.load(file)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=f"{folder}/tokenizer.json", eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = None
    # Words of one token each, as many as the prompt is to have.
    words = [w for w in sorted(tokenizer.get_vocab()) if w.isalpha()]
    texts = []
    for i in range(prompts):
        text = " ".join(words[(7 * i + k) % len(words)] for k in range(4 * prompt_tokens))
        ids = tokenizer(text)["input_ids"][:prompt_tokens]
        texts.append(tokenizer.decode(ids))
    torch.set_num_threads(int(os.environ.get("RISE_PEER_THREADS", os.cpu_count() or 1)))
    model = decoder(config)
    with tempfile.TemporaryDirectory() as out:
        # The reference is loaded from where the model came from.
        model.save_pretrained(out)
        trainer = GRPOTrainer(
            model=out,
            processing_class=tokenizer,
            reward_funcs=lambda completions, **_: [float(len(text) % 7) for text in completions],
            train_dataset=Dataset.from_dict({"prompt": texts}),
            args=GRPOConfig(
                output_dir=out,
                use_cpu=True,
                per_device_train_batch_size=prompts * group,
                num_generations=group,
                max_completion_length=new_tokens,
                temperature=1.0,
                beta=beta,
                loss_type="grpo",
                num_iterations=1,
                steps_per_generation=1,
                learning_rate=1e-6,
                bf16=False,
                gradient_checkpointing=False,
                max_steps=1_000_000,
                logging_steps=1_000_000,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                seed=0,
            ),
        )
        count = sum(p.numel() for p in model.parameters())
        name = f"TRL {__import__('trl').__version__}, {torch.get_num_threads()} threads"
        trainer.add_callback(Turns({"ready": True, "name": name, "parameters": count}))
        trainer.train()


main()
