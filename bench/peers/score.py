"""Log-probabilities of given answers by transformers' forward: `python score.py WORKLOAD`. See decoder.py for the protocol.

Logits are computed where answers stand alone. The figures have to be ours. The notes say how long it takes where the
answers of a prompt share its keys and values, which transformers does not do by itself.
"""
import sys

from qwen2vl import NAME, inputs, load, logprobs_of, parameters, torch, workload

from decoder import serve, thread_settings, timed


def main():
    work = workload()
    model = load(work["model"])
    prompts = [torch.tensor(prompt["tokens"]) for prompt in work["inputs"]]
    if len({len(prompt) for prompt in prompts}) > 1:
        sys.exit("prompts of different lengths would be padded")
    answers = [torch.tensor(group) for group in work["answers"]]
    each, new = answers[0].shape
    wanted = torch.tensor(work["scores"])

    @torch.inference_mode()
    def score(batch):
        rows = torch.cat([torch.cat([p.expand(len(a), -1), a], 1) for p, a in zip(prompts, answers)])
        found = []
        for at in range(0, len(rows), batch):
            part = rows[at:at + batch]
            out = model(input_ids=part, attention_mask=torch.ones_like(part), use_cache=False, logits_to_keep=new + 1)
            found.append(logprobs_of(out.logits[:, :-1], part[:, -new:]))
        return torch.cat(found)

    @torch.inference_mode()
    def shared():
        first = torch.stack(prompts)
        out = model(input_ids=first, use_cache=True, logits_to_keep=1)
        cache = out.past_key_values
        cache.batch_repeat_interleave(each)
        rows, length = torch.cat(answers), first.shape[1]
        positions = torch.arange(length, length + new - 1).expand(3, len(rows), -1)
        rest = model(input_ids=rows[:, :-1], past_key_values=cache, position_ids=positions, use_cache=True)
        logits = torch.cat([out.logits.repeat_interleave(each, 0), rest.logits], 1)
        return logprobs_of(logits, rows)

    for found in (score(len(wanted)), score(each), shared()):
        if (worst := (found - wanted).abs().max().item()) > 1e-3:
            sys.exit(f"log-probabilities differ by {worst}")
    notes = {}
    for threads in thread_settings():
        torch.set_num_threads(threads)
        shared()
        seconds = min(timed(shared) for _ in range(3))
        notes = {"prompts shared by their answers": round(min([seconds, *notes.values()]), 4)}
    serve({"parameters": parameters(model), "tokens": len(prompts[0]), "notes": notes},
          [(f"{NAME}, {batch} at a time", threads, lambda batch=batch: score(batch))
           for threads in thread_settings() for batch in (len(wanted), 2 * each, each)])


main()
