/** Programs as processes: how signals, closed pipes and failures end them, and what a terminal gets to see. */
import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("./programs/process.ts", import.meta.url))

interface Begun {
  readonly child: ChildProcess
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>
}

/** Starts a program, and waits until it says that it is ready. */
const begin = (mode: string): Promise<Begun> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [program, mode], { stdio: ["ignore", "ignore", "pipe"] })
    let stderr = ""
    const ended = new Promise<{ code: number | null; stderr: string }>((end) =>
      child.on("close", (code) => end({ code, stderr }))
    )
    child.stderr.on("data", (chunk) => {
      stderr += String(chunk)
      if (stderr.startsWith("ready\n")) resolve({ child, ended })
    })
    void ended.then(() => resolve({ child, ended }))
  })

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

describe("a signal", () => {
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    it(`${signal} lets the program tidy up, and ends it with ${code}`, async () => {
      const { child, ended } = await begin("tidy")
      child.kill(signal)
      assert.deepStrictEqual(await ended, { code, stderr: "ready\ntidied\n" })
    })
  }

  for (const [mode, what] of [["hang", "a finaliser hangs"], ["native", "a worker computes natively"]] as const) {
    it(`a second SIGINT ends it at once with 130, while ${what}`, async () => {
      const { child, ended } = await begin(mode)
      // The computation has begun.
      if (mode === "native") await pause(500)
      child.kill("SIGINT")
      await pause(300)
      assert.isNull(child.exitCode, "it waits for its finaliser")
      const started = performance.now()
      child.kill("SIGINT")
      assert.strictEqual((await ended).code, 130)
      assert.isBelow(performance.now() - started, 15_000)
    })
  }

  it("that npm passes on a second time is the same key press", async () => {
    const { child, ended } = await begin("tidy")
    child.kill("SIGINT")
    child.kill("SIGINT")
    assert.deepStrictEqual(await ended, { code: 130, stderr: "ready\ntidied\n" })
  })

  it("that a hanging program gets for another reason ends it too, with that one's code", async () => {
    const { child, ended } = await begin("hang")
    child.kill("SIGINT")
    await pause(300)
    child.kill("SIGTERM")
    assert.strictEqual((await ended).code, 143)
  })
})

describe("a pipe", () => {
  const shell = (line: string) =>
    spawnSync("bash", ["-c", line, process.execPath, program], { encoding: "utf8", timeout: 300_000 })

  it("whose reader has seen enough ends the program quietly", () => {
    const { status, stderr, stdout } = shell("set -o pipefail; \"$0\" \"$1\" print | head -n 2")
    assert.deepStrictEqual({ status, stderr, lines: stdout.length }, { status: 0, stderr: "", lines: 2002 })
  })

  it("for messages that nobody reads takes nothing with it, nor do closed streams", () => {
    assert.strictEqual(shell("\"$0\" \"$1\" say text 2> >(true); exit $?").status, 0)
    assert.strictEqual(shell("\"$0\" \"$1\" say text >&- 2>&-").status, 0)
  })
})

describe("what a terminal gets", () => {
  // A title, a screen cleared, colours, a hidden answer, a C1 CSI, a text turned around.
  const hostile = "a\u001b]0;title\u0007\u001b[2J\u001b[31mred\u001bP+q\u001b\\\u009b2K\r\b\u202egpj.exe\u2066\nb\tc"
  const unsafe = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/u

  it("holds nothing that it would obey, on both streams, in messages, warnings, failures and stacks", () => {
    for (const mode of ["say", "fail", "die"]) {
      const { stderr, stdout } = spawnSync(process.execPath, [program, mode, hostile], { encoding: "utf8" })
      for (const text of mode === "say" ? [stdout, stderr] : [stderr]) {
        assert.notMatch(text, unsafe, mode)
        assert.include(text, "a\\u001b]0;title\\u0007\\u001b[2J", mode)
        assert.include(text, "\\u009b2K\\u000d\\u0008\\u202egpj.exe\\u2066\nb\tc", mode)
      }
    }
  })
})

describe("a script that leaves something out", () => {
  const unfinished = fileURLToPath(new URL("./programs/unfinished.ts", import.meta.url))
  const how = "pipeline.pipe(Rise.run({ out: \"runs/mine\" }), Effect.provide(policy), Rise.runMain)"
  const unrun = (steps: string) =>
    `Rise.run is missing before Rise.runMain: the pipeline of ${steps} only describes what is to be done; write ${how}`
  const step = "Rise.runMain needs a program and was given a function: a step such as Rise.run goes behind a " +
    `pipeline; write ${how}`
  const answers = "Rise.make, Rise.answers, Rise.sft"
  const stream = "expected a stream of samples: that of a source, or Stream.fromIterable(samples)"
  const says: Readonly<Record<string, string>> = {
    unrun: unrun(answers),
    bare: unrun(answers),
    loop: unrun("Rise.make, Rise.generate"),
    yielded: `yield* needs an Effect, and the pipeline of ${answers} only describes what is to be done: write yield* ` +
      "pipeline.pipe(Rise.run({ out: \"runs/mine\" }))",
    step,
    steps: step,
    nothing: `Rise.runMain needs a program, and "undefined" is no Effect: write ${how}`,
    array: `make: data is [{"image":"a.png","truth":"sad"}], ${stream}`,
    taskless:
      "make: task is {\"name\":\"mood\"}, expected a task, of Task.make, Classification.make or Detection.make: " +
      "Rise.make(task, data)",
    optionless: "run: out is undefined, expected the name of a folder: Rise.run({ out: \"runs/mine\" })"
  }

  it("ends with one line that says what is missing, and the next step", () => {
    for (const [mode, message] of Object.entries(says)) {
      const { status, stderr } = spawnSync(process.execPath, [unfinished, mode, "runs/never"], { encoding: "utf8" })
      assert.deepStrictEqual({ mode, status, stderr }, { mode, status: 1, stderr: `error: ${message}\n` })
    }
    const { status, stderr } = spawnSync(process.execPath, [unfinished, "sound"], { encoding: "utf8" })
    assert.deepStrictEqual({ status, stderr }, { status: 0, stderr: "" })
  }, 60_000)
})

describe("a line that is redrawn", () => {
  const clear = "\r\u001b[2K"
  const tearing = fileURLToPath(new URL("./programs/tearing.ts", import.meta.url))
  const sent = (mode: string) => {
    const { stderr } = spawnSync(process.execPath, [tearing, mode], {
      encoding: "utf8",
      env: { ...process.env, TERM: "xterm", NO_COLOR: "1" }
    })
    return stderr
  }

  it("is out of the way of warnings, notes and failures, and is drawn again behind them", () => {
    const stderr = sent("fail")
    for (const text of ["warning: of the log\n", "of the console\n", "error: of the end\n"]) {
      const before = stderr.slice(0, stderr.indexOf(text))
      assert.isTrue(before.endsWith(clear), JSON.stringify(stderr))
    }
    assert.match(stderr, /of the log.*\n\r\u001b\[2Ksft .*2\/9/)
    assert.isTrue(stderr.endsWith("error: of the end\n"))
  })

  it("breaks sentences at the ends of words there, whoever says them, and leaves commands whole", () => {
    const wide = (text: string) => text.split(/\n|\r\u001b\[2K/).filter((line) => line.length > 80)
    const stderr = sent("long")
    const command = "npx rise evaluate --model runs/a/model --data pictures --out runs/measured/again/and/again"
    assert.deepStrictEqual(wide(stderr), [command, command, command, command])
    const words = stderr.replaceAll(clear, "").replaceAll("\n", " ")
    for (const kind of ["of the log", "of the console", "of the stage", "of the end"]) {
      assert.include(words, `a sentence ${kind}, which is so long that a terminal of eighty columns would break it`)
    }
    const piped = spawnSync(process.execPath, [tearing, "long", "pipe"], { encoding: "utf8" }).stderr
    assert.lengthOf(piped.split("\n").filter((line) => line.includes("a sentence of the")), 4)
    assert.match(piped, /^warning: a sentence of the log/m)
  })

  it("leaves nothing of the terminal changed, and no line, when the program is interrupted", () => {
    const stderr = sent("interrupt")
    assert.match(stderr, /3\/9.*\r\u001b\[2K$/)
    // Neither a hidden cursor nor another screen: nothing has to be put right.
    assert.notMatch(stderr, /\u001b\[\?/)
  })
})
