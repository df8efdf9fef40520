/** Flags that would change nothing: refused as a command line that cannot be read is. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { embeddedModel } from "../../src/cli/embedded.ts"
import * as Futile from "../../src/cli/futile.ts"
import { together } from "../../src/cli/policy.ts"
import { directoryOf } from "../../src/policy/Embedded.ts"
import { here } from "./here.ts"

const reason = (effect: Effect.Effect<void, Futile.FlagError>) =>
  Effect.match(effect, { onFailure: ({ reason }) => reason, onSuccess: () => "" })

const none = Option.none<never>()
const train: Futile.Methods = {
  method: "all",
  equalCompute: false,
  noWarmUp: false,
  tau: none,
  stepsWarmUp: none,
  lrWarmUp: none,
  stepsReinforce: none,
  lrReinforce: none,
  candidates: none,
  stepsSft: none,
  lrSft: none,
  stepsRft: none,
  lrRft: none,
  groupSize: none
}
const one = Option.some(1)
const zero = Option.some(0)

describe("flags without an effect", () => {
  it.effect("of a method's stages", () =>
    Effect.gen(function*() {
      const refused: ReadonlyArray<readonly [Partial<Futile.Methods>, string]> = [
        [{ method: "SFT", tau: one }, "--tau is for a stage that --method SFT has not"],
        [{ method: "SFT", equalCompute: true }, "--equal-compute adds baselines to a comparison of all methods"],
        [{ method: "SFT", groupSize: one }, "--group-size is for a stage"],
        [{ method: "SFT", stepsRft: one }, "--steps-rft is for a stage"],
        [{ method: "Visual-RFT", candidates: one }, "--candidates is for a stage"],
        [{ method: "Visual-RFT", lrSft: one }, "--lr-sft is for a stage"],
        [{ method: "Visual-RFT", stepsReinforce: one }, "--steps-reinforce is for a stage"],
        [{ noWarmUp: true, stepsWarmUp: one }, "--steps-warm-up is for the warm-up that --no-warm-up leaves out"]
      ]
      for (const [flags, says] of refused) {
        assert.include(yield* reason(Futile.ofMethod({ ...train, ...flags })), says)
      }
      const sound: ReadonlyArray<Partial<Futile.Methods>> = [
        { tau: one, equalCompute: true, lrSft: one, groupSize: one, candidates: one, stepsWarmUp: one },
        { method: "RISE", tau: one, lrSft: one, groupSize: one, candidates: one },
        { method: "SFT", stepsSft: one, lrWarmUp: one },
        { method: "Visual-RFT", groupSize: one, lrRft: one },
        // No steps of what there is none of.
        { method: "SFT", stepsReinforce: zero, stepsRft: zero },
        { method: "Visual-RFT", stepsReinforce: zero, stepsSft: zero },
        { noWarmUp: true, stepsWarmUp: zero }
      ]
      for (const flags of sound) assert.strictEqual(yield* reason(Futile.ofMethod({ ...train, ...flags })), "")
    }))

  it.effect("of training and memory beside a server, and of a limit that is not asked for", () =>
    Effect.gen(function*() {
      const local = { model: directoryOf(embeddedModel), seed: 0 }
      const remote = { ...local, remote: Option.some("http://127.0.0.1:1/v1"), remoteModel: "vl" }
      for (
        const [flag, flags] of [
          ["--lora", { lora: one }],
          ["--trainable", { trainable: Option.some("all" as const) }],
          ["--recompute", { recompute: true }],
          ["--micro-tokens", { microTokens: one }],
          ["--memory-limit", { memoryLimit: one }],
          ["--prompt-tokens", { promptTokens: 5 }],
          ["--workers", { workers: one }],
          ["--device", { device: "webgpu" as const }],
          ["--cache", { cache: Option.some("x") }]
        ] as const
      ) {
        assert.include(yield* reason(together({ ...remote, ...flags })), `${flag} is for a model directory`)
      }
      assert.strictEqual(yield* reason(together(remote)), "")
      assert.include(yield* reason(together({ ...local, promptTokens: 5 })), "--prompt-tokens is what --memory-limit")
      assert.strictEqual(yield* reason(together({ ...local, promptTokens: 5, memoryLimit: one })), "")
    }))

  it.effect("end with 2 and a line, before anything is made", () =>
    Effect.gen(function*() {
      const server = ["--remote", "http://127.0.0.1:1/v1", "--remote-model", "vl"]
      const cases: ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]> = [
        [
          ["audit", ...server, "--training", "warm-up"],
          /--training is for a model directory: one behind --remote cannot/
        ],
        [["audit", "--training", "none", "--trainable", "all"], /--trainable is for training, and --training is none/],
        [["audit", "--training", "none", "--lora", "8"], /--lora is for training, and --training is none/],
        [["audit", "--training", "none", "--checkpoint-steps", "8"], /--checkpoint-steps is for training, and/],
        [["audit", "--url-prefix", "s3://a/"], /--url-prefix is for --format label-studio: give that too/],
        [["annotate", "--url-prefix", "s3://a/", "a.png"], /--url-prefix is for --format label-studio: give that too/],
        [["annotate", ...server, "--batch", "4", "a.png"], /--batch is for a model on this machine: servers are asked/],
        [["train", "--subject", "weather"], /--subject is for pictures of one's own: name them, --data/],
        [["evaluate", "--subject", "weather"], /--subject is for pictures of one's own: name them, --data/],
        [
          ["train", "--method", "SFT", "--tau", "0.5", "--equal-compute"],
          /--tau is for a stage that --method SFT has not/
        ],
        [["tables", "--dry", "--only", "nothinglikethis"], /--only nothinglikethis is in the id of no cell/],
        [["tables", "--dry", "--remote-model", "vl"], /--remote-model is for a server/]
      ]
      for (const [args, says] of cases) {
        const { code, stderr } = yield* here(args)
        assert.match(stderr, says)
        assert.strictEqual(code, 2, stderr)
      }
    }))
})
