"""Forward, backward and AdamW in eager PyTorch: `python train_step.py 2M|27M`. See decoder.py for the protocol."""
from decoder import EPS, F, SHAPES, parameters, rotary, rotate, serve, sys, thread_settings, torch

BATCH, LENGTH = 8, 128


def loss(p, shape, ids, cos, sin, repeat_heads):
    b, s, d = BATCH, LENGTH, shape["head_dim"]
    heads, kv = shape["heads"], shape["kv_heads"]
    split = lambda x, n: x.view(b, s, n, d).transpose(1, 2)
    x = F.embedding(ids, p["embed"])
    for i in range(shape["layers"]):
        y = F.rms_norm(x, (x.shape[-1],), p[f"{i}.ln1"], EPS)
        q = rotate(split(F.linear(y, p[f"{i}.q"], p[f"{i}.qb"]), heads), cos, sin)
        k = rotate(split(F.linear(y, p[f"{i}.k"], p[f"{i}.kb"]), kv), cos, sin)
        v = split(F.linear(y, p[f"{i}.v"], p[f"{i}.vb"]), kv)
        if repeat_heads:
            k, v = (t.repeat_interleave(heads // kv, 1) for t in (k, v))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=not repeat_heads)
        x = x + F.linear(a.transpose(1, 2).reshape(b, s, heads * d), p[f"{i}.o"])
        y = F.rms_norm(x, (x.shape[-1],), p[f"{i}.ln2"], EPS)
        x = x + F.linear(F.silu(F.linear(y, p[f"{i}.gate"])) * F.linear(y, p[f"{i}.up"]), p[f"{i}.down"])
    x = F.rms_norm(x, (x.shape[-1],), p["norm"], EPS)
    logits = F.linear(x[:, :-1].reshape(-1, x.shape[-1]), p["embed"])
    return F.cross_entropy(logits, ids[:, 1:].reshape(-1))


def main():
    shape = SHAPES[sys.argv[1]]
    generator = torch.Generator().manual_seed(0)
    p = {n: t.requires_grad_() for n, t in parameters(shape, generator).items()}
    ids = torch.randint(0, shape["vocab"], (BATCH, LENGTH), generator=generator)
    cos, sin = rotary(shape, LENGTH)

    def step(optimizer, repeat_heads):
        def call():
            optimizer.zero_grad(set_to_none=True)
            loss(p, shape, ids, cos, sin, repeat_heads).backward()
            torch.nn.utils.clip_grad_norm_(p.values(), 1.0, foreach=True)
            optimizer.step()
        return call

    adam = lambda **kind: torch.optim.AdamW(p.values(), lr=1e-4, weight_decay=0.1, **kind)
    candidates = []
    for threads in thread_settings():
        for repeat in (False, True):
            label = "fused AdamW, " + ("repeated key-value heads" if repeat else "native grouped heads")
            candidates.append((label, threads, step(adam(fused=True), repeat)))
    serve({"parameters": sum(t.numel() for t in p.values())}, candidates)


main()
