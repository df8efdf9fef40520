/** `rise audit`: what of the data it judges, and what it says of a judge that writes nothing that can be read. */
import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Console from "effect/Console"
import { tellAudited } from "../../src/cli/tellAudited.ts"
import { folder, live } from "../data/folders.ts"
import { here } from "./here.ts"

it.live(
  "says which half is audited, what the judge wrote instead of a label, and what to do for it",
  () =>
    live(Effect.gen(function*() {
      const names = ["red", "green"].flatMap((label) =>
        [["train", 6], ["test", 2]].flatMap(([half, count]) =>
          Array.from({ length: Number(count) }, (_, i) => `${half}/${label}/${label}${i}.png`)
        )
      )
      const data = yield* folder(Object.fromEntries(names.map((name, i) => [name, [16 + i, 16] as const])))
      const line = ["audit", "--data", data, "--preset", "smoke", "--training", "none"]
      const { code, stderr, stdout } = yield* here([...line, "--out", `${data}/run`])
      assert.strictEqual(code, 0, stderr)
      assert.include(
        stderr,
        "audited: the first 8 pictures to train on (preset smoke), not those to test on: name these by themselves"
      )
      // The embedded checkpoint has never been taught these labels.
      assert.include(stdout, "No label could be judged.")
      assert.match(
        stderr,
        /could not answer for 8 of 8 labels: .*; for "(red|green)" it wrote ".*"\. That says nothing/
      )
      assert.match(stderr, /leave --training none out, so that it is prepared .*, or name a model that was trained/)
    })),
  60_000
)

it.effect("reads no more of either half for it than it takes to know: a first pass decodes every picture", () =>
  Effect.gen(function*() {
    const said: Array<string> = []
    const console = yield* Console.Console
    const silent = Object.assign(Object.create(console), { error: (text: string) => void said.push(text) })
    const tell = Effect.fnUntraced(function*(trained: number, tested: number, most?: number) {
      const read = { train: 0, test: 0 }
      const half = (name: "train" | "test", count: number) =>
        Stream.suspend(() =>
          Stream.fromIterable(Array.from({ length: count }, (_, i) => i)).pipe(
            Stream.rechunk(1),
            Stream.tap(() => Effect.sync(() => read[name]++))
          )
        )
      const preset = { name: "quick", ...most !== undefined && { limit: { train: most } } }
      yield* Effect.provideService(
        tellAudited({ train: half("train", trained), test: half("test", tested) }, preset),
        Console.Console,
        silent
      )
      return { ...read, said: said.splice(0) }
    })
    const others = "not those to test on: name these by themselves (--data) to have them audited, too"
    assert.deepStrictEqual(yield* tell(900, 300, 7), {
      train: 8,
      test: 1,
      said: [`audited: the first 7 pictures to train on (preset quick), ${others}`]
    })
    assert.deepStrictEqual(yield* tell(7, 300, 7), {
      train: 7,
      test: 1,
      said: [`audited: the pictures to train on, ${others}`]
    })
    assert.deepStrictEqual(yield* tell(900, 0), { train: 0, test: 0, said: [] })
  }))
