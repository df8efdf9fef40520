"""One group of rollouts in eager PyTorch: `python rollout.py 2M|27M [NEW]`. See decoder.py for the protocol.

The prompt is prefilled once and its keys and values given to the whole group. Tokens are sampled at temperature 1 and
their log-probabilities returned. Four ways to decode are timed and the fastest is the peer:

    expanded    every sequence has its own copy of the prompt in one preallocated cache
    sdpa        the same, attention through scaled_dot_product_attention
    shared      the group attends to one copy of the prompt; only the new tokens are kept per sequence
    concat      the cache grows by torch.cat, as transformers' DynamicCache does
"""
from decoder import EPS, F, SHAPES, math, parameters, rotary, rotate, serve, sys, thread_settings, torch

GROUP, PROMPT = 8, 200
NEW = int(sys.argv[2]) if len(sys.argv) > 2 else 96


class Decoder:
    def __init__(self, shape, p):
        self.shape, self.p = shape, p
        self.cos, self.sin = rotary(shape, PROMPT + NEW)
        n = range(shape["layers"])
        self.qkv = [torch.cat([p[f"{i}.q"], p[f"{i}.k"], p[f"{i}.v"]]) for i in n]
        self.qkv_bias = [torch.cat([p[f"{i}.qb"], p[f"{i}.kb"], p[f"{i}.vb"]]) for i in n]
        self.gate_up = [torch.cat([p[f"{i}.gate"], p[f"{i}.up"]]) for i in n]

    def project(self, i, x, cos, sin):
        """x [B, S, H] to q [B, heads, S, D] and k, v [B, kv, S, D], rotated."""
        s = self.shape
        b, length, _ = x.shape
        y = F.rms_norm(x, (s["hidden"],), self.p[f"{i}.ln1"], EPS)
        qkv = F.linear(y, self.qkv[i], self.qkv_bias[i]).view(b, length, -1, s["head_dim"]).transpose(1, 2)
        q, k, v = qkv.split([s["heads"], s["kv_heads"], s["kv_heads"]], 1)
        return rotate(q, cos, sin), rotate(k, cos, sin), v

    def rest(self, i, x, a):
        x = x + F.linear(a, self.p[f"{i}.o"])
        y = F.rms_norm(x, (self.shape["hidden"],), self.p[f"{i}.ln2"], EPS)
        gate, up = F.linear(y, self.gate_up[i]).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, self.p[f"{i}.down"])

    def sample(self, x, tokens, logprobs, t):
        """x [B, 1, H]: hidden state of the last position. Writes token and log-probability t of each row."""
        logits = F.linear(F.rms_norm(x[:, -1], (self.shape["hidden"],), self.p["norm"], EPS), self.p["embed"])
        scores = F.log_softmax(logits, -1)
        chosen = torch.multinomial(scores.exp().expand(GROUP, -1), 1)
        tokens[:, t] = chosen[:, 0]
        logprobs[:, t] = scores.expand(GROUP, -1).gather(-1, chosen)[:, 0]
        return chosen

    def prefill(self, ids):
        s = self.shape
        x, cache = F.embedding(ids, self.p["embed"]), []
        for i in range(s["layers"]):
            q, k, v = self.project(i, x, self.cos[:PROMPT], self.sin[:PROMPT])
            cache.append((k, v))
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            x = self.rest(i, x, a.transpose(1, 2).flatten(2))
        return x[:, -1:], cache

    def rollout(self, ids, way):
        s = self.shape
        kv, d, each = s["kv_heads"], s["head_dim"], s["heads"] // s["kv_heads"]
        scale = 1 / math.sqrt(d)
        tokens, logprobs = torch.empty(GROUP, NEW, dtype=torch.long), torch.empty(GROUP, NEW)
        x, prompt = self.prefill(ids)
        chosen = self.sample(x, tokens, logprobs, 0)
        if way == "concat":
            cache = [tuple(t.expand(GROUP, -1, -1, -1) for t in layer) for layer in prompt]
        elif way == "shared":
            cache = [tuple(torch.empty(GROUP, kv, NEW, d) for _ in range(2)) for _ in prompt]
        else:
            cache = [tuple(torch.empty(GROUP, kv, PROMPT + NEW, d) for _ in range(2)) for _ in prompt]
            for mine, given in zip(cache, prompt):
                for a, b in zip(mine, given):
                    a[:, :, :PROMPT] = b
        for t in range(1, NEW):
            at = PROMPT + t - 1
            cos, sin = self.cos[at:at + 1], self.sin[at:at + 1]
            x = F.embedding(chosen, self.p["embed"])
            for i in range(s["layers"]):
                q, k, v = self.project(i, x, cos, sin)
                if way == "concat":
                    cache[i] = (torch.cat([cache[i][0], k], 2), torch.cat([cache[i][1], v], 2))
                    keys, values = cache[i]
                else:
                    column = t - 1 if way == "shared" else at
                    cache[i][0][:, :, column:column + 1] = k
                    cache[i][1][:, :, column:column + 1] = v
                    keys, values = cache[i][0][:, :, :column + 1], cache[i][1][:, :, :column + 1]
                if way == "sdpa":
                    a = F.scaled_dot_product_attention(q, keys, values, enable_gqa=True)
                else:
                    q = q.reshape(GROUP, kv, each, d) * scale
                    if way == "shared":
                        together = q.transpose(0, 1).reshape(kv, GROUP * each, d)
                        first = together @ prompt[i][0][0].transpose(-1, -2)
                        first = first.view(kv, GROUP, each, PROMPT).transpose(0, 1)
                        scores = F.softmax(torch.cat([first, q @ keys.transpose(-1, -2)], -1), -1)
                        far = scores[..., :PROMPT].transpose(0, 1).reshape(kv, GROUP * each, PROMPT) @ prompt[i][1][0]
                        a = far.view(kv, GROUP, each, d).transpose(0, 1) + scores[..., PROMPT:] @ values
                    else:
                        a = F.softmax(q @ keys.transpose(-1, -2), -1) @ values
                x = self.rest(i, x, a.reshape(GROUP, 1, kv * each * d))
            chosen = self.sample(x, tokens, logprobs, t)
        return tokens, logprobs


def main():
    shape = SHAPES[sys.argv[1]]
    generator = torch.Generator().manual_seed(0)
    p = parameters(shape, generator)
    decoder = Decoder(shape, p)
    ids = torch.randint(0, shape["vocab"], (1, PROMPT), generator=generator)
    with torch.inference_mode():
        # All ways compute the same thing: with one seed they draw the same tokens.
        drawn = []
        for way in ("expanded", "sdpa", "shared", "concat"):
            torch.manual_seed(0)
            drawn.append(decoder.rollout(ids, way)[1])
        if max((d - drawn[0]).abs().max().item() for d in drawn) > 1e-3:
            sys.exit("the ways to decode disagree")
        candidates = [(way, threads, lambda way=way: decoder.rollout(ids, way))
                      for threads in thread_settings() for way in ("expanded", "sdpa", "shared", "concat")]
        serve({"parameters": sum(t.numel() for t in p.values())}, candidates)


main()
