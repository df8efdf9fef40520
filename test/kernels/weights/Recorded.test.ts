/** A model in a run's folder is what the run's ledger says, or is not loaded. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Result } from "effect"
import { createHash } from "node:crypto"
import { join } from "node:path"
import * as Digest from "../../../src/dsl/Digest.ts"
import * as Ledger from "../../../src/dsl/Ledger.ts"
import { Recorded } from "../../../src/kernels/weights/index.ts"

const weights = "some weights, which nobody reads here"
const name = "model.safetensors"

const made = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const run = yield* fs.makeTempDirectoryScoped()
  const model = join(run, "model")
  yield* fs.makeDirectory(join(run, "checkpoints"))
  yield* fs.makeDirectory(model)
  yield* fs.writeFileString(join(run, "run.json"), "{}")
  const texts = { [name]: weights, "config.json": "{}", "README.md": "a card" }
  for (const [file, text] of Object.entries(texts)) yield* fs.writeFileString(join(model, file), text)
  const written = Object.fromEntries(
    Object.entries(texts).map(([file, text]) => [`model/${file}`, Digest.ofText(text)])
  )
  const ledger = join(run, Ledger.fileName)
  yield* fs.writeFileString(ledger, Ledger.encode({ ...Ledger.begun(Digest.ofText("{}")), written, finished: true }))
  return { fs, ledger, model, run }
})

const flipped = weights.replace("some", "rome")

describe("a model beside its run's ledger", () => {
  it.effect("is loaded whole, and refused with a flipped, cut or missing file", () =>
    Effect.gen(function*() {
      const { fs, model } = yield* made
      yield* Recorded.verify(model)
      yield* fs.writeFileString(join(model, "README.md"), "a card, and a remark")
      yield* Recorded.verify(model)
      const refusal = (text: string | undefined) =>
        Effect.gen(function*() {
          const file = join(model, name)
          yield* text === undefined ? fs.remove(file) : fs.writeFileString(file, text)
          const { message } = yield* Effect.flip(Recorded.verify(model))
          assert.include(message, file)
          assert.include(message, Digest.say(Digest.ofText(weights)))
          assert.include(message, "--resume")
          return message
        })
      assert.include(yield* refusal(flipped), Digest.say(Digest.ofText(flipped)))
      assert.include(yield* refusal("cut"), "3 bytes")
      assert.include(yield* refusal(undefined), "no such file")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("is found through a link, and a copy elsewhere has nobody to speak for it", () =>
    Effect.gen(function*() {
      const { fs, model, run } = yield* made
      yield* fs.writeFileString(join(model, name), flipped)
      yield* fs.symlink(model, join(run, "latest"))
      assert.isTrue(Result.isFailure(yield* Effect.result(Recorded.verify(join(run, "latest")))))
      const elsewhere = join(yield* fs.makeTempDirectoryScoped(), "model")
      yield* fs.copy(model, elsewhere)
      yield* Recorded.verify(elsewhere)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("is not trusted where the ledger is not what it says of itself", () =>
    Effect.gen(function*() {
      const { fs, ledger, model } = yield* made
      const text = yield* fs.readFileString(ledger)
      yield* fs.writeFileString(ledger, text.replace("\"finished\": true", "\"finished\": false"))
      const { message } = yield* Effect.flip(Recorded.verify(model))
      assert.match(message, /ledger\.json: is damaged/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("is known by its files: a copy is the same, a flip with the time kept is not", () =>
    Effect.gen(function*() {
      const { fs, model } = yield* made
      const copy = join(yield* fs.makeTempDirectoryScoped(), "model")
      yield* fs.copy(model, copy)
      const known = yield* Recorded.contents(model)
      assert.strictEqual(known[name], createHash("sha256").update(weights).digest("hex"))
      assert.deepStrictEqual(yield* Recorded.contents(copy), known)
      yield* fs.utimes(join(copy, name), 1, 1)
      yield* fs.writeFileString(join(copy, name), flipped)
      yield* fs.utimes(join(copy, name), 1, 1)
      assert.notDeepEqual(yield* Recorded.contents(copy), known)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
