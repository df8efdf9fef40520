/** `rise audit`: what of the data it judges, and what it says of a judge that writes nothing that can be read. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
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
        "audited: the first 8 of 12 pictures to train on (preset smoke), not the 4 to test on: name"
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
