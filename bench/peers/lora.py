"""A group or a GRPO step of transformers and PEFT: `python lora.py WORKLOAD group|step float32|bfloat16`.

As TRL does both: every sequence has the whole prompt and its picture, which goes through the tower. Tokens are drawn at
temperature 1 and their log-probabilities returned; a step is forward, backward, clipping and AdamW over a batch of the
whole group, logits where tokens are learned alone. See decoder.py for the protocol.

In float32 the same is timed once more where prompt and picture are computed once for the group, which neither library
does by itself: the notes say how long that takes.
"""
import sys

from qwen2vl import NAME, inputs, load, logprobs_of, parameters, torch, workload

import peft
from decoder import serve, thread_settings, timed


class Group:
    """`count` texts of `new` tokens on one prompt."""

    def __init__(self, model, base, prompt, count, new):
        self.model, self.base, self.count, self.new = model, base, count, new
        self.one, self.each = inputs(base, prompt), inputs(base, prompt, count)
        self.length = self.one["input_ids"].shape[1]
        self.positions, _ = base.model.get_rope_index(
            self.one["input_ids"], self.one["mm_token_type_ids"], image_grid_thw=self.one["image_grid_thw"])

    @torch.no_grad()
    def drawn(self):
        out = self.model.generate(
            **self.one, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, num_return_sequences=self.count,
            min_new_tokens=self.new, max_new_tokens=self.new, return_dict_in_generate=True, output_logits=True)
        tokens = out.sequences[:, self.length:]
        assert tokens.shape == (self.count, self.new), tokens.shape
        return tokens, logprobs_of(torch.stack(out.logits, 1), tokens)

    @torch.no_grad()
    def drawn_together(self):
        """The prompt once, its keys and values given to all."""
        out = self.base(**self.one, use_cache=True, logits_to_keep=1)
        cache, logits = out.past_key_values, out.logits[:, -1].float().expand(self.count, -1)
        cache.batch_repeat_interleave(self.count)
        position, tokens, scores = self.positions.max() + 1, [], []
        for t in range(self.new):
            chosen = torch.multinomial(logits.softmax(-1), 1)
            tokens.append(chosen)
            scores.append(logprobs_of(logits, chosen[:, 0]))
            if t + 1 < self.new:
                out = self.base(input_ids=chosen, past_key_values=cache, use_cache=True,
                                position_ids=(position + t).expand(3, self.count, 1))
                logits = out.logits[:, -1].float()
        return torch.cat(tokens, 1), torch.stack(scores, 1)


class Step:
    """A GRPO step on the group's texts."""

    def __init__(self, group, tokens):
        self.group, self.tokens = group, tokens
        count, new = group.count, group.new
        self.ids = torch.cat([group.each["input_ids"], tokens], 1)
        self.feeds = {
            **group.each, "input_ids": self.ids, "attention_mask": torch.ones_like(self.ids),
            "mm_token_type_ids": torch.cat([group.each["mm_token_type_ids"], torch.zeros(count, new).int()], 1),
        }
        self.advantages = torch.tensor([i % 2 - 0.5 for i in range(count)])
        self.trained = [p for p in group.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=1e-5, fused=True)
        with torch.no_grad():
            self.old = self.logprobs()

    def logprobs(self):
        out = self.group.model(**self.feeds, logits_to_keep=self.group.new + 1, use_cache=False)
        return logprobs_of(out.logits[:, :-1], self.tokens)

    def look_once(self):
        with torch.no_grad():
            one = self.group.one
            self.features = self.group.base.model.get_image_features(
                one["pixel_values"], one["image_grid_thw"]).pooler_output[0]

    def logprobs_seen(self):
        """The same from visual tokens that drawing has left, as ours has them."""
        base, ids = self.group.base, self.ids
        embeds = base.get_input_embeddings()(ids)
        mask = (ids == base.config.image_token_id).unsqueeze(-1).expand_as(embeds)
        embeds = embeds.masked_scatter(mask, self.features.to(embeds.dtype).repeat(len(ids), 1))
        positions = torch.cat([self.group.positions, self.group.positions.max() + 1 +
                               torch.arange(self.group.new).expand(3, 1, -1)], -1).expand(3, len(ids), -1)
        out = base(inputs_embeds=embeds, position_ids=positions, logits_to_keep=self.group.new + 1, use_cache=False)
        return logprobs_of(out.logits[:, :-1], self.tokens)

    def step(self, logprobs):
        self.optimizer.zero_grad(set_to_none=True)
        ratio = (logprobs() - self.old).exp()
        gain = torch.minimum(ratio * self.advantages[:, None], ratio.clamp(0.8, 1.2) * self.advantages[:, None])
        (-gain.mean(-1).mean()).backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0, foreach=True)
        self.optimizer.step()


def best_threads(call):
    """By a forward pass of the prompt: the whole work takes too long to try."""
    def seconds(threads):
        torch.set_num_threads(threads)
        call()
        return timed(call)
    return min(thread_settings(), key=seconds)


def main():
    work, mode, precision = workload(), sys.argv[2], sys.argv[3]
    torch.manual_seed(0)
    base = load(work["model"], precision)
    config = peft.LoraConfig(r=work["rank"], lora_alpha=2 * work["rank"], lora_dropout=0.0, target_modules=work["targets"])
    model = peft.get_peft_model(base, config)
    group = Group(model, base, work["inputs"], work["group"], work["newTokens"])
    with torch.no_grad():
        threads = best_threads(lambda: model(**group.one, use_cache=False, logits_to_keep=1))
    torch.set_num_threads(threads)
    notes = {}
    if mode == "group":
        call = group.drawn
        if precision == "float32":
            group.drawn_together()
            notes = {"prompt and picture once for the group": timed(group.drawn_together)}
    else:
        # Which tokens they are changes nothing in what is computed.
        step = Step(group, torch.randint(0, base.config.text_config.vocab_size, (work["group"], work["newTokens"])))
        call = lambda: step.step(step.logprobs)
        if precision == "float32":
            step.look_once()
            with torch.no_grad():
                seen = step.logprobs_seen()
            if (seen - step.old).abs().max() > 1e-2:
                sys.exit(f"visual tokens that were kept give other log-probabilities: {(seen - step.old).abs().max()}")
            step.step(step.logprobs_seen)
            notes = {"visual tokens kept from drawing": timed(lambda: step.step(step.logprobs_seen))}
    facts = {"parameters": parameters(model), "tokens": group.length, "notes": {k: round(v, 3) for k, v in notes.items()}}
    serve(facts, [(f"{NAME}, PEFT {peft.__version__}, {precision}", threads, call)])


main()
