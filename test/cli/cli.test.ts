import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import { embeddedModel } from "../../src/cli/embedded.ts"
import * as Flags from "../../src/cli/flags.ts"
import { tooOld } from "../../src/cli/nodeVersion.ts"
import type { TaskName } from "../../src/pipelines/index.ts"
import { here } from "./here.ts"

const root = new URL("../../", import.meta.url).pathname
const run = (program: string, ...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [join(root, program), ...args], { encoding: "utf8", timeout: 300_000 })

describe("command line", () => {
  it("trains on folders of pictures, and says first what it understood", async () => {
    const directory = mkdtempSync(join(tmpdir(), "rise-"))
    try {
      for (const [i, label] of ["left", "right"].entries()) {
        mkdirSync(join(directory, "sides", label), { recursive: true })
        for (let n = 0; n < 5; n++) {
          const circle = `<circle cx="${24 + 64 * i}" cy="${20 + 16 * n}" r="12" fill="red"/>`
          const picture = Buffer.from(`<svg width="112" height="112">${circle}</svg>`)
          writeFileSync(join(directory, "sides", label, `${n}.png`), await sharp(picture).png().toBuffer())
        }
      }
      writeFileSync(join(directory, "sides/left/cut.png"), "no picture")
      const { code, stderr, stdout } = await Effect.runPromise(here([
        ...["train", "--data", join(directory, "sides"), "--preset", "smoke", "--method", "SFT"],
        ...["--out", join(directory, "run")]
      ]))
      assert.strictEqual(code, 0, stderr)
      assert.match(
        stderr,
        /sides: class folders, a label for each picture: 8 pictures to train on \+ 2 to test on\n {2}left 4 \+ 1, right/
      )
      assert.match(stderr, /\n {2}set aside: unreadable-image 1\n/)
      assert.match(stdout, /\nSFT +\S/)
      assert.strictEqual(JSON.parse(readFileSync(join(directory, "run/run.json"), "utf8")).identity.task, "sides")
      // All of standard error is for programs, also what is told beside the events.
      const again = run("src/cli/rise.ts", "train", "-o", join(directory, "run"), "--resume", "--json")
      assert.strictEqual(again.status, 0, again.stderr)
      assert.strictEqual(again.stdout, stdout)
      const lines = again.stderr.trim().split("\n").map((line) => JSON.parse(line))
      assert.isTrue(lines.some(({ event, text }) => event === "logged" && /^This model has seen/.test(text)))
      const other = run("src/cli/rise.ts", "train", "--resume", "-o", join(directory, "run"), "-s", "1", "--json")
      assert.strictEqual(other.status, 1)
      assert.match(
        JSON.parse(other.stderr.trim().split("\n").at(-1) ?? "").message,
        /was started with [^]* resume with the same/
      )
    } finally {
      rmSync(directory, { recursive: true })
    }
  }, 300_000)

  it("explains itself on standard output where it is asked to", () => {
    const { status, stderr, stdout } = run("src/cli/rise.ts", "--help")
    assert.deepStrictEqual([status, stderr], [0, ""])
    for (const command of ["train", "annotate", "evaluate", "report"]) assert.include(stdout, command)
  }, 300_000)

  it(
    "annotates for a pipe: bad pictures are rows, a reader that leaves ends it quietly, a full disk is told",
    async () => {
      const directory = mkdtempSync(join(tmpdir(), "rise-"))
      try {
        const picture = (name: string) => join(directory, name)
        await Promise.all(
          [0, 1, 2, 3].map((i) =>
            sharp({ create: { width: 112, height: 112, channels: 3, background: { r: 60 * i, g: 90, b: 200 } } }).png()
              .toFile(picture(`${i}.png`))
          )
        )
        writeFileSync(picture("bad.png"), "no picture")
        const some = run("src/cli/rise.ts", "annotate", picture("0.png"), picture("bad.png"))
        assert.strictEqual(some.status, 0, some.stderr)
        const [good, bad] = some.stdout.trim().split("\n").map((line) => JSON.parse(line))
        assert.isString(good.annotation)
        assert.deepStrictEqual([bad.annotation, bad.image], [null, picture("bad.png")])
        assert.match(some.stderr, /1 of 2 pictures could not be annotated.*bad\.png: /)
        writeFileSync(picture("empty.png"), "")
        const none = await Effect.runPromise(here(["annotate", picture("bad.png"), picture("empty.png")]))
        assert.deepStrictEqual([none.code, none.stdout.trim().split("\n").length], [1, 2])
        assert.match(none.stderr, /none of the 2 pictures could be annotated\. First, .*bad\.png: /)
        const out = picture("z.csv")
        const slip = await Effect.runPromise(
          here(["annotate", picture("absent.png"), picture("0.png"), "--out", out])
        )
        assert.deepStrictEqual([slip.code, slip.stdout, existsSync(out)], [1, "", false])
        assert.match(slip.stderr, /absent\.png: no such file or folder: check the name/)

        const shell = (line: string) =>
          spawnSync("sh", ["-c", line, process.execPath, join(root, "src/cli/rise.ts"), directory], {
            encoding: "utf8",
            timeout: 300_000
          })
        const cut = shell(`{ "$0" "$1" annotate "$2"/?.png; echo "exit $?" >&2; } | head -n 1`)
        assert.strictEqual(cut.stdout.trim().split("\n").length, 1)
        // Whether everything was written before the reader left is a matter of the machine's speed.
        assert.match(cut.stderr, /exit 0\n$/)
        assert.notMatch(cut.stderr, /cannot be written/)
        assert.strictEqual(shell(`{ "$0" "$1" --help; echo "exit $?" >&2; } | true`).stderr, "exit 0\n")
        if (existsSync("/dev/full")) {
          const full = shell(`"$0" "$1" annotate "$2"/0.png > /dev/full`)
          assert.strictEqual(full.status, 1)
          assert.match(full.stderr, /^standard output cannot be written: the disk is full/)
        }
      } finally {
        rmSync(directory, { recursive: true })
      }
    },
    300_000
  )

  it("turns a Node that is too old away with one line", () => {
    for (const version of ["18.20.4", "20.20.2", "22.18.9"]) {
      assert.match(tooOld(version) ?? "", /^rise needs Node 22\.19\.0 or newer, this is \d/)
    }
    for (const version of ["22.19.0", "22.20.1", "24.0.0", "26.1.0"]) assert.isUndefined(tooOld(version))
    // The entry must be readable to the Nodes that it turns away: it imports the check and, only behind it, the rest.
    const entry = readFileSync(join(root, "src/cli/rise.ts"), "utf8")
    assert.deepStrictEqual([...entry.matchAll(/^import .*$/gm)].map(([line]) => line), [
      "import { tooOld } from \"./nodeVersion.ts\""
    ])
    assert.notMatch(readFileSync(join(root, "src/cli/nodeVersion.ts"), "utf8"), /^import/m)
  })

  it("says what CUDA needs before it fetches anything", () => {
    const { status, stderr, stdout } = run("scripts/setupCuda.ts", "--dry-run")
    if (process.platform === "linux" && process.arch === "x64") {
      assert.strictEqual(status, 0, stderr)
      assert.match(stdout, /downloads from NuGet: Microsoft\.ML\.OnnxRuntime\.Gpu\.Linux \d/)
      assert.include(stdout, "libonnxruntime_providers_cuda.so")
    } else {
      assert.strictEqual(status, 1)
      assert.match(stderr, /only for linux\/x64/)
    }
  }, 300_000)

  it("records every flag that changes results, and drops the warm-up on request", () => {
    const flags: Flags.Study = {
      data: Option.none(),
      difficulty: 0,
      model: embeddedModel,
      out: Option.none(),
      preset: Option.some("full"),
      seed: 3,
      device: "cpu",
      resume: true,
      shots: Option.some(4),
      equalCompute: false,
      checkpointSteps: Option.none(),
      checkpointMinutes: Option.none(),
      trainable: Option.none(),
      lora: Option.none(),
      noWarmUp: false,
      workers: Option.none(),
      quantize: Option.none(),
      cache: Option.none(),
      recompute: false,
      microTokens: Option.none(),
      memoryLimit: Option.none(),
      promptTokens: 1024,
      tau: Option.none()
    }
    const recordedOf = (flags: Flags.Study, task?: TaskName) => Flags.recorded(flags, Flags.settings(flags, task))
    assert.isDefined(Flags.settings(flags).warmUp)
    assert.isUndefined(Flags.settings({ ...flags, noWarmUp: true }).warmUp)
    assert.notDeepEqual(recordedOf({ ...flags, noWarmUp: true }), recordedOf(flags))
    assert.notDeepEqual(recordedOf({ ...flags, shots: Option.none() }), recordedOf(flags))
    // Pictures of one's own are nothing the embedded tower has seen; another model is not ours to second-guess.
    const own = { ...flags, preset: Option.none(), data: Option.some("photos") }
    assert.deepInclude(Flags.settings(own), { name: "photos", trainable: "all" })
    assert.deepInclude(Flags.settings({ ...own, model: "another" }), { name: "quick", trainable: "decoder" })
    assert.strictEqual(Flags.settings({ ...own, trainable: Option.some("decoder") }).trainable, "decoder")
    assert.notDeepEqual(recordedOf({ ...flags, lora: Option.some(8) }), recordedOf(flags))
    assert.notDeepEqual(recordedOf({ ...flags, difficulty: 0.35 }), recordedOf(flags))
    // A task's own settings are recorded as they are used.
    assert.deepInclude(Flags.settings(flags, "lisa").filter, { least: 0.4 })
    assert.notDeepEqual(recordedOf(flags, "lisa"), recordedOf(flags))
    assert.notDeepEqual(
      recordedOf({ ...flags, lora: Option.some(8), quantize: Option.some("int4") }),
      recordedOf({ ...flags, lora: Option.some(8) })
    )
    assert.strictEqual(Flags.settings({ ...flags, tau: Option.some(0.2) }).filter.tau, 0.2)
    assert.notDeepEqual(recordedOf({ ...flags, tau: Option.some(0.2) }), recordedOf(flags))
    // Less memory for the same numbers is no other run.
    assert.deepStrictEqual(
      recordedOf({ ...flags, recompute: true, workers: Option.some(1), memoryLimit: Option.some(8) }),
      recordedOf(flags)
    )
    // Resuming is no other run.
    assert.deepStrictEqual(recordedOf({ ...flags, resume: false }), recordedOf(flags))
  })
})
