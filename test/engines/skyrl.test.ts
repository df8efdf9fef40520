/**
 * A real SkyRL on the CPU: what it is found to do, and a text model that learns there. `npm run test:engines`; minutes.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer, Schedule } from "effect"
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Policy, Rise } from "../../src/index.ts"
import { directory as embedded } from "../policy/tinker/engines.ts"
import * as Letters from "./letters.ts"
import * as Servers from "./servers.ts"

const reason = Servers.missing(Servers.skyrl)

class Skyrl extends Context.Service<Skyrl, {
  readonly model: string
  readonly url: string
  /** Runs lie in it, and what the server says. */
  readonly folder: string
}>()("test/Skyrl") {}

const served = Layer.effect(
  Skyrl,
  Effect.gen(function*() {
    yield* Servers.install(Servers.skyrl)
    const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
    const model = `${folder}/tiny`
    yield* Servers.checkpoint(Servers.skyrl, "tiny_qwen3.py", model)
    const { url } = yield* Servers.startSkyrl(model, folder)
    return { folder, model, url }
  })
).pipe(Layer.provide(NodeServices.layer))

type Row = Readonly<Record<string, unknown>>

const rowsOf = (out: string): ReadonlyArray<Row> =>
  readFileSync(`${out}/metrics.jsonl`, "utf8").trim().split("\n").filter((line) => line !== "")
    .map((line): Row => JSON.parse(line))

/** A figure of every step of a run. */
const figures = (out: string, name: string): ReadonlyArray<number> =>
  rowsOf(out).flatMap((row) => typeof row[name] === "number" ? [row[name]] : [])

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** The program beside this file, as a process of its own. */
const client = ({ model, url }: Skyrl["Service"], out: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const args = [fileURLToPath(new URL("letters.ts", import.meta.url)), url, model, out]
      const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] })
      let said = ""
      child.stderr.setEncoding("utf8").on("data", (text: string) => void (said += text))
      const ended = new Promise<{ readonly code: number | null; readonly signal: string | null }>((resolve) =>
        child.on("exit", (code, signal) => resolve({ code, signal }))
      )
      return { child, said: () => said, ended: Effect.promise(() => ended) }
    }),
    ({ child }) => Effect.sync(() => void child.kill("SIGKILL"))
  )

/** Optimiser steps that the server was asked for so far. */
const stepsAsked = (folder: string) => readFileSync(`${folder}/skyrl.log`, "utf8").split("/optim_step ").length - 1

describe.skipIf(reason !== undefined)(`SkyRL${reason === undefined ? "" : ` (${reason})`}`, () => {
  layer(served, { timeout: 2_400_000, excludeTestServices: true })((it) => {
    it.effect(
      "is refused where pictures are to be sent, for it drops them, and measured where not",
      () =>
        Effect.gen(function*() {
          const { folder, model, url } = yield* Skyrl
          const fs = yield* FileSystem.FileSystem
          // The same tokenizer as that of a model which reads pictures.
          const seeing = `${folder}/seeing`
          yield* fs.copy(model, seeing)
          const config: Row = JSON.parse(yield* fs.readFileString(`${model}/config.json`))
          const { added_tokens: added }: { added_tokens: ReadonlyArray<{ id: number; content: string }> } = JSON.parse(
            yield* fs.readFileString(`${model}/tokenizer.json`)
          )
          const pad = added.find(({ content }) => content === "<|image_pad|>")?.id
          yield* fs.writeFileString(`${seeing}/config.json`, JSON.stringify({ ...config, image_token_id: pad }))
          yield* fs.copyFile(`${embedded}/preprocessor_config.json`, `${seeing}/preprocessor_config.json`)
          const error = yield* Effect.flip(Effect.scoped(Layer.build(
            Policy.tinker({ baseUrl: url, model, tokenizer: seeing, rank: 8 })
          )))
          console.log(error.message)
          assert.match(
            error.message,
            /does not take pictures: for a picture of \d+ visual tokens in a sequence of \d+ it/
          )
          assert.match(
            error.message,
            /It would train on text alone without a word\. Serve the model with a backend that/
          )
          const { normaliser, pictures } = yield* Policy.TinkerPolicy.Connection.pipe(
            Effect.provide(Policy.tinker({ baseUrl: url, model, tokenizer: seeing, rank: 8, images: "none" }))
          )
          console.log(normaliser)
          assert.deepStrictEqual(
            { normaliser, pictures },
            {
              normaliser: "mean over the tokens of a sequence, mean over the sequences of an update",
              pictures: undefined
            }
          )
        }).pipe(Effect.provide(NodeServices.layer)),
      1_800_000
    )

    it.effect(
      "a client that is killed in mid-stage goes on from the server's checkpoint",
      () =>
        Effect.gen(function*() {
          const skyrl = yield* Skyrl
          const { folder } = skyrl
          const whole = yield* client(skyrl, `${folder}/whole`)
          const began = stepsAsked(folder)
          assert.strictEqual((yield* whole.ended).code, 0, whole.said())
          const first = stepsAsked(folder) - began
          const cut = `${folder}/cut`
          const killed = yield* client(skyrl, cut)
          yield* Effect.sync(() => figures(cut, "loss").length).pipe(
            Effect.catchDefect(() => Effect.succeed(0)),
            Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (steps) => steps >= 10 })
          )
          killed.child.kill("SIGKILL")
          assert.strictEqual((yield* killed.ended).signal, "SIGKILL")
          const died = figures(cut, "loss").length
          const kept = stepsAsked(folder)
          const resumed = yield* client(skyrl, cut)
          assert.strictEqual((yield* resumed.ended).code, 0, resumed.said())
          const second = stepsAsked(folder) - kept
          const [expected, losses] = [figures(`${folder}/whole`, "loss"), figures(cut, "loss")]
          const gap = Math.max(...expected.map((loss, i) => Math.abs(loss - (losses[i] ?? NaN))))
          console.log(
            `killed after ${died} of ${expected.length} steps; ${first} optimiser steps asked for without, ${second} ` +
              `after the kill; losses at most ${gap.toExponential(1)} apart`
          )
          assert.isBelow(died, 20)
          assert.deepStrictEqual([losses.length, expected.length], [20, 20])
          assert.isBelow(gap, 1e-4)
          // It did not begin anew: the eight steps of the last checkpoint before the kill were not made again.
          assert.isAtMost(second, first - 8)
        }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
      1_800_000
    )

    it.effect("learns two pairs, and then to write letters", () =>
      Effect.gen(function*() {
        const { folder, model, url } = yield* Skyrl
        yield* Effect.gen(function*() {
          yield* Letters.supervised(Letters.sizes.pairs).pipe(Rise.run({ out: `${folder}/pairs` }))
          const losses = figures(`${folder}/pairs`, "loss")
          console.log(`nats a token in 20 steps: ${losses.map((loss) => loss.toFixed(3)).join(" ")}`)
          assert.strictEqual(losses.length, 20)
          assert.isBelow(losses.at(-1) ?? NaN, 0.8 * (losses[0] ?? NaN))
          const form = yield* Letters.form(Letters.sizes.form)
          console.log(`the form of a think-answer: ${form.toFixed(3)} nats a token`)
          yield* Letters.strengthened(Letters.sizes.letters).pipe(Rise.run({ out: `${folder}/letters` }))
          const rewards = figures(`${folder}/letters`, "reward")
          const [before, after] = [mean(rewards.slice(0, 5)), mean(rewards.slice(-5))]
          console.log(`share of letters: ${rewards.map((reward) => reward.toFixed(2)).join(" ")}`)
          assert.isAbove(after, before + 0.2)
          assert.isTrue(figures(`${folder}/letters`, "kl").some((kl) => kl > 0))
        }).pipe(Effect.provide(Letters.policy(url, model)))
      }).pipe(Effect.provide(NodeServices.layer)), 2_400_000)
  })
})
