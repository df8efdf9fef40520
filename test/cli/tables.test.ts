import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import { Emotion6 } from "../../src/tasks/classification/index.ts"
import { here } from "./here.ts"

const create = { width: 32, height: 32, channels: 3, background: "red" } as const

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
      const manifest = (labels: ReadonlyArray<string>) => {
        const text = `image,${labels.join(",")}\na.png,${labels.map((_, i) => i === 0 ? 1 : 0).join(",")}\n`
        for (const name of ["train.csv", "test.csv"]) writeFileSync(join(pictures, name), text)
      }
      // What a run would refuse at once, a dry one refuses.
      manifest(["circle", "square"])
      const foreign = await Effect.runPromise(here(own))
      assert.strictEqual(foreign.code, 1, foreign.stdout)
      assert.match(foreign.stderr, /train\.csv: header does not fit the task: .*unknown "circle", "square"/)
      const nowhere = join(directory, "no-model")
      const lost = await Effect.runPromise(here(["tables", "--dry", "--out", out, "--model", nowhere]))
      assert.strictEqual(lost.code, 1, lost.stdout)
      assert.include(lost.stderr, `${nowhere}: no such file or directory`)
      manifest(Emotion6.labels)
      writeFileSync(join(pictures, "a.png"), await sharp({ create }).png().toBuffer())
      const untimed = await Effect.runPromise(here(own))
      assert.match(untimed.stdout, /to do: how long is known once one of them was run here\.\n$/, untimed.stderr)

      // What was timed is known of, and no more is promised.
      mkdirSync(out)
      writeFileSync(
        join(out, "timings.jsonl"),
        `${JSON.stringify({ cell: "emotion6/full/seed-7/warmed", seconds: 9 })}\n`
      )
      const timed = await Effect.runPromise(here([...own, "--seeds", "0"]))
      assert.match(timed.stdout, /new +9s {2}emotion6\/full\/seed-0\/warmed\n/)
      assert.match(timed.stdout, /new {13}emotion6\/full\/seed-0\/RISE-CoT\n/)
      assert.match(
        timed.stdout,
        /to do: more than 9s \(by 1 cell timed here; how long \d+ of them take is known once one like these was run/
      )
      rmSync(out, { recursive: true })

      // Pictures of one's own are emotion6's: of other tasks there is nothing to run, and it says so.
      const all = ["tables", "--dry", "--out", out, "--data", pictures]
      for (
        const [flags, expected] of [
          [
            ["--table", "2"],
            /^error: --table 2 has no cell that can be run here \(with --data those of emotion6 alone/
          ],
          [
            ["--only", "coco-sub"],
            /^error: --only coco-sub is in the id of no cell \(with --data those of emotion6 alone/
          ],
          [["--table", "4", "--only", "prior"], /^error: --only prior is in the id of no cell: --dry without --only/]
        ] as const
      ) {
        const none = await Effect.runPromise(here([...all, ...flags]))
        assert.strictEqual(none.code, 2, none.stdout)
        assert.match(none.stderr, expected)
      }

      // How long such cells take is known once one was timed: before that no time is told.
      const prior = ["--preset", "smoke", "--seeds", "0", "--table", "1", "--only", "full/seed-0/prior"]
      const ran = await Effect.runPromise(here(["tables", "--out", out, "--data", pictures, ...prior]))
      assert.strictEqual(ran.code, 0, ran.stderr)
      assert.include(ran.stderr, "[1/1] emotion6/full/seed-0/prior  ETA not known yet\n")
      const [, , ...shown] = ran.stdout.split("## ")[0]?.split("Table 1")[1]?.split("\n") ?? []
      assert.isTrue(shown.some((line) => line.startsWith("prior (mean annotation)")), ran.stdout)
      assert.isAtMost(Math.max(...shown.slice(0, -2).map((line) => line.length)), 80, ran.stdout)
      assert.include(readFileSync(join(out, "tables.md"), "utf8"), "| prior (mean annotation) |")
      const again = await Effect.runPromise(here(["tables", "--out", out, "--data", pictures, ...prior, "--dry"]))
      assert.match(again.stdout, /^1 cells?, 1 done, 0 to do\.$/m)
      // Settings that all differ have one name.
      const quick = ["--dry", "--preset", "quick", "--data", pictures, "--seeds", "0", "--table", "1"]
      const other = await Effect.runPromise(here(["tables", "--out", out, ...quick]))
      assert.match(other.stderr, /prior was started with preset = "smoke", this run has "quick": resume with the same/)
      rmSync(out, { recursive: true })

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
        [["tables", "--seeds", "0,x", "--dry"], /--seeds is a list of whole numbers from 0 on such as 0,1,2, got 0,x/],
        [["tables", "--seeds=-1", "--dry"], /--seeds is a list of whole numbers from 0 on such as 0,1,2, got -1/],
        [["tables", "--seeds", "0,1e1", "--dry"], /--seeds is a list of whole numbers from 0 on .*, got 0,1e1/],
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
