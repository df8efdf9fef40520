import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { here } from "./here.ts"

describe("rise tables", () => {
  it("lists cells without computing anything", async () => {
    const directory = mkdtempSync(join(tmpdir(), "rise-"))
    try {
      const out = join(directory, "grid")
      const line = ["tables", "--dry", "--out", out, "--seeds", "0,1,1", "--table", "6", "--only", "tau-0.85"]
      const { code, stderr, stdout } = await Effect.runPromise(here([...line, "--preset", "quick"]))
      assert.strictEqual(code, 0, stderr)
      const ids = stdout.split("\n").filter((line) => line.startsWith("new")).map((line) => line.split(/\s+/).at(-1))
      assert.deepStrictEqual(
        ids,
        [0, 1].flatMap((seed) =>
          ["emotion6", "lisa"].flatMap((task) =>
            // The settings of lisa's scenes have no warm-up.
            [...(task === "lisa" ? [] : ["warmed"]), "RISE-CoT", "SFT-high,tau-0.85", "RISE,tau-0.85"].map((cell) =>
              `${task}/full/seed-${seed}/${cell}`
            )
          )
        )
      )
      assert.match(stdout, /14 cells, 0 done, 14 to do: about \d+m\d\ds \(counted/)
      assert.isFalse(existsSync(out))

      // On one worker, and of a task whose texts are longer.
      const brief = ["tables", "--dry", "--out", out, "--seeds", "0", "--table", "2", "--preset", "quick"]
      const one = await Effect.runPromise(here([...brief, "--only", "coco-sub", "--workers", "1"]))
      assert.include(one.stdout, "(counted, as on one core with the embedded checkpoint)")
      const [, minutes, seconds] = /new +(\d+)m(\d\d)s  coco-sub\/full\/seed-0\/warmed\n/.exec(one.stdout) ?? []
      const warming = 60 * Number(minutes) + Number(seconds)
      // One busy core took 105 to 162 seconds for it.
      assert.isTrue(warming > 100 && warming < 200, String(warming))

      // Harder scenes are of one task.
      const harder = await Effect.runPromise(here(["tables", "--dry", "--out", out, "--difficulty", "0.35"]))
      assert.include(harder.stdout, "emotion6/full/seed-0/RISE\n")
      assert.notInclude(harder.stdout, "lisa")

      // Pictures of one's own: in what layout, and that nobody has timed them.
      const pictures = join(directory, "pictures")
      mkdirSync(pictures)
      const own = ["tables", "--dry", "--out", out, "--data", pictures, "--table", "6"]
      const wrong = await Effect.runPromise(here(own))
      assert.strictEqual(wrong.code, 1)
      assert.include(wrong.stderr, "pictures: no train.csv in it, expected train.csv and val.csv or test.csv")
      for (const name of ["train.csv", "test.csv"]) writeFileSync(join(pictures, name), "image,joy\na.png,1\n")
      const untimed = await Effect.runPromise(here(own))
      assert.match(untimed.stdout, /to do: how long is known once one of them was run here\.\n$/, untimed.stderr)

      // A cell of another preset is no cell of this grid.
      const cell = join(out, "emotion6/full/seed-0/warmed")
      mkdirSync(cell, { recursive: true })
      writeFileSync(join(cell, "run.json"), JSON.stringify({ identity: { config: { model: "another" } } }))
      const mixed = await Effect.runPromise(
        here(["tables", "--dry", "--out", out, "--seeds", "0", "--preset", "quick"])
      )
      assert.strictEqual(mixed.code, 1)
      assert.match(mixed.stderr, /was started with model = "another", this run has "embedded scene-vl-places"/)
    } finally {
      rmSync(directory, { recursive: true })
    }
  }, 300_000)

  it("answers mistakes with what was expected", async () => {
    for (
      const [args, expected] of [
        [["tables", "--seeds", "0,x", "--dry"], /--seeds is a list of whole numbers such as 0,1,2, got 0,x/],
        [["tables", "--table", "9"], /--table is a list of some of 1, 2, 3, 4, 5, 6, soft, credit, denominator, got 9/],
        [["tables", "--difficulty", "2"], /--difficulty is a share from 0 to 1, got 2/],
        [["tables", "--difficulty", "0.35", "--data", ".", "--dry"], /--difficulty is of the embedded scenes: leave/],
        [["evaluate", "--difficulty", "0.35", "--data", "."], /--difficulty is of the embedded scenes: leave/],
        [["audit", "--by", "worst"], /--by is best, mean, similarity or metric, got "worst"/]
      ] as const
    ) {
      const { code, stderr } = await Effect.runPromise(here(args))
      assert.strictEqual(code, 2, stderr)
      assert.match(stderr, expected)
      assert.notMatch(stderr, /\n\s+at /)
    }
  }, 300_000)
})
