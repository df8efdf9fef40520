/** A limit that no answer of the task fits into is refused before anything is drawn, whichever method is to train. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { here } from "./here.ts"

const train = ["train", "--preset", "quick"]

/** What it says, and whether a stage has begun. */
const refused = Effect.fnUntraced(function*(flags: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const out = `${yield* fs.makeTempDirectoryScoped()}/run`
  const { code, stderr } = yield* here([...train, "--out", out, ...flags])
  const metrics = `${out}/metrics.jsonl`
  const begun = (yield* fs.exists(metrics)) && (yield* fs.readFileString(metrics)).includes("\"step\"")
  return { code, begun, stderr }
}, Effect.scoped)

const says = (stage: string) =>
  `${stage}: maxTokens is 5, expected at least 8: the shortest think-answer of task "emotion6" takes so many tokens, ` +
  "its end of turn included; give it --max-tokens, or a --preset with more"

it.live("maxTokens below the shortest answer, by method and by stage", () =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const file = `${yield* fs.makeTempDirectoryScoped()}/rise.config.json`
    const select = { validation: 0.5, sft: { maxTokens: 5, select: { every: 1 } } }
    const rows = [
      [["--max-tokens", "5", "--method", "SFT"], {}, "SFT/evaluate"],
      [["--max-tokens", "5", "--method", "Visual-RFT"], {}, "Visual-RFT/rft"],
      [["--method", "RISE"], { rft: { maxTokens: 5 } }, "RISE/rft"],
      [["--method", "RISE"], select, "RISE/sft"],
      [["--method", "SFT"], { evaluate: { maxTokens: 5 } }, "SFT/evaluate"]
    ] as const
    for (const [flags, settings, stage] of rows) {
      yield* fs.writeFileString(file, JSON.stringify(settings))
      const { begun, code, stderr } = yield* refused([...flags, "--config", file])
      assert.include(stderr, says(stage))
      assert.deepStrictEqual({ code, begun }, { code: 1, begun: false })
    }
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 120_000)
