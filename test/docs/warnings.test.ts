/** Every warning has its row in docs/when-it-does-not-learn.md, and every row its warning. */
import { assert, describe, it } from "@effect/vitest"
import { phrases, says, texts, warnings, warningsOf } from "./warnings.ts"

/** Places that pass on a text, and the files that make it: each is said by a row. Empty: errors, as they are worded. */
const madeElsewhere: Readonly<Record<string, ReadonlyArray<string>>> = {
  "src/dsl/stages/Train.ts": [
    "src/dsl/stages/ByHeart.ts",
    "src/dsl/stages/Guessing.ts",
    "src/dsl/stages/Learning.ts",
    "src/dsl/stages/Collapse.ts",
    "src/dsl/stages/StageError.ts"
  ],
  "src/dsl/RunFolder.ts": ["src/dsl/Verify.ts"],
  "src/dsl/Telling.ts": ["src/dsl/Telling.ts"],
  "src/data/CocoInstances.ts": ["src/data/Marks.ts"],
  "src/studies/compare.ts": ["src/evaluation/verdict.ts"],
  "src/cli/commands/audit.ts": ["src/studies/audit/Judge.ts", "src/studies/audit/Monotony.ts"],
  "src/dsl/Quarantine.ts": ["src/dsl/Quarantine.ts"],
  "src/evaluation/imageSwap/ImageSwap.ts": ["src/evaluation/imageSwap/Figures.ts"],
  "src/cli/trainedOn.ts": ["src/cli/trainedOn.ts"],
  "src/cli/saved.ts": [],
  "src/cli/told.ts": [],
  // A view: it shows what it is told.
  "src/dsl/progress/Terminal.ts": [],
  "src/kernels/runtime/Runtime.ts": [],
  "src/kernels/runtime/WorkerThread.ts": []
}

const rows = phrases()

describe("docs/when-it-does-not-learn.md", () => {
  it("has a row for every warning", () => {
    const found = warnings()
    assert.isAbove(found.length, 30)
    const worded = found.filter(({ text }) => /[a-z]{5}/.test(text))
    assert.isAbove(worded.length, 20)
    assert.deepStrictEqual(worded.filter(({ text }) => !rows.some((phrase) => says(phrase, text))), [])
    const passed = found.filter(({ text }) => !/[a-z]{5}/.test(text)).map(({ file }) => file)
    assert.deepStrictEqual(passed.filter((file) => madeElsewhere[file] === undefined), [])
    const makers = [...new Set(passed.flatMap((file) => madeElsewhere[file] ?? []))]
    assert.isAbove(makers.length, 4)
    assert.deepStrictEqual(
      makers.filter((file) => !texts([file]).some((text) => rows.some((row) => says(row, text)))),
      []
    )
  })

  it("has no row for what is not said any more", () => {
    const said = texts()
    assert.isAbove(rows.length, 40)
    assert.deepStrictEqual(rows.filter((phrase) => !said.some((text) => says(phrase, text))), [])
  })

  it("would miss a warning that nobody has written down", () => {
    const [one, two] = warningsOf(
      "x.ts",
      "const text = `the moon ${phase} ` + (full ? \"is full\" : \"is not\")\nwarn(text)\n" +
        "report(Event.Warned({ stage, text: \"nobody is at home\" }))"
    )
    assert.deepStrictEqual([one?.text, two?.text], ["the moon … …is full…is not…", "nobody is at home"])
    assert.isFalse(rows.some((phrase) => says(phrase, one?.text ?? "")))
    assert.isTrue(says("the moon … is not", one?.text ?? ""))
  })
})
