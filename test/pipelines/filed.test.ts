/** A printed file of settings, edited in one place: what was printed is not held against the edit. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import { defaults, defaultsOf, filled, filledStage } from "../../src/dsl/stages/Settings.ts"
import * as Config from "../../src/pipelines/Config.ts"
import { filed } from "../../src/pipelines/filed.ts"
import { fit } from "../../src/pipelines/fit.ts"
import { atEngine, type Preset, presets } from "../../src/pipelines/Presets.ts"
import { groupLosses } from "../../src/policy/Policy.ts"
import * as Stub from "../dsl/StubPolicy.ts"

const live = Layer.mergeAll(
  Stub.layer({ seed: 1 }),
  Run.layerMemory({ seed: 1 }),
  Layer.succeed(Progress, silent)
).pipe(Layer.provideMerge(Stub.Trace.layer), Layer.provideMerge(NodeServices.layer))

const fitted = fit({ parameters: 2.1e6, adapter: false, samples: 500, answer: 12 })
const all: ReadonlyArray<Preset> = [...Object.values(presets), fitted]

type Stages = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** The file that a preset is printed to, as the command reads it. */
const fileOf = (preset: Preset): Config.Overrides => JSON.parse(JSON.stringify(Config.whole(preset)))

/** The same as the build before printed it: with the default of every setting of every loss. */
const before = (preset: Preset): Config.Overrides => {
  const of = (stage: "reinforce" | "rft") => ({ ...preset[stage], ...filled(preset[stage]) })
  const { name: _, ...rest } = preset
  return {
    ...rest,
    filter: { tau: filledStage(preset.filter).tau, least: filledStage(preset.filter).least },
    rft: of("rft"),
    reinforce: of("reinforce")
  }
}

const edited = (file: Config.Overrides, stage: string, edit: object): Config.Overrides => ({
  ...file,
  [stage]: { ...(file as Stages)[stage], ...edit }
})

const read = (base: Preset, file: Config.Overrides) =>
  filed(base, Result.getOrThrow(Config.decode("rise.config.json", JSON.parse(JSON.stringify(file)))))

/** Whether every stage takes its settings. */
const sound = ({ filter, generate, reconstruct, reinforce, rft, sft, validate, validation }: Preset) => {
  const start = Rise.make(Stub.Mood, Stub.data(12), { validation })
  return Effect.all([
    start.pipe(Rise.answers(), Rise.sft(sft), Rise.rft(rft)).sound,
    start.pipe(
      Rise.generate(generate),
      Rise.reconstruct(reconstruct),
      Rise.validate(validate),
      Rise.reinforce(reinforce),
      Rise.best(),
      Rise.filter(filter)
    ).sound
  ])
}

describe("a printed file", () => {
  it.effect("takes another loss or no KL penalty in one edit, with the defaults of the edited", () =>
    Effect.gen(function*() {
      for (const preset of all) {
        for (const stage of ["reinforce", "rft"] as const) {
          for (const loss of groupLosses) {
            for (const edit of [{ loss }, { loss, kl: 0 }, { kl: 0 }]) {
              const { notes, preset: result } = read(preset, edited(fileOf(preset), stage, edit))
              yield* sound(result)
              assert.deepStrictEqual(notes, [])
              const own = "loss" in edit ? loss : defaults.loss
              const { clip, gate, klEstimator, lossLength, scaleRewards } = defaultsOf(own)
              assert.deepInclude(filled(result[stage]), {
                clip,
                gate,
                klEstimator,
                lossLength,
                scaleRewards,
                loss: own,
                kl: "kl" in edit ? 0 : filled(preset[stage]).kl
              })
            }
          }
        }
      }
    }).pipe(Effect.provide(live)))

  it.effect("of the build before runs after the same edits, and what belongs to another loss is told of", () =>
    Effect.gen(function*() {
      for (const preset of all) {
        for (const stage of ["reinforce", "rft"] as const) {
          yield* sound(read(preset, before(preset)).preset)
          yield* sound(read(preset, edited(before(preset), stage, { kl: 0 })).preset)
          for (const loss of groupLosses) {
            const { notes, preset: result } = read(preset, edited(before(preset), stage, { loss }))
            yield* sound(result)
            const own = defaultsOf(loss)
            const says: Array<string> = []
            if (loss === "gspo" || loss === "cispo") {
              says.push(
                `${stage}: clip {"low":0.2,"high":0.2} is the default of loss "grpo"; that of "${loss}" is ` +
                  `${JSON.stringify(own.clip)}: leave clip out to have it`
              )
              assert.deepStrictEqual(result[stage].clip, { low: 0.2, high: 0.2 })
            }
            if (loss === "dr_grpo") {
              says.push(
                `${stage}: scaleRewards "group" is the default of loss "grpo"; that of "dr_grpo" is "none": leave ` +
                  "scaleRewards out to have it"
              )
            }
            assert.deepStrictEqual(notes, says)
          }
        }
      }
    }).pipe(Effect.provide(live)))

  it.effect("is read where weights take the place of its threshold", () =>
    Effect.forEach(all, (preset) => {
      const { preset: result } = read(preset, edited(fileOf(preset), "filter", { soft: 1 }))
      assert.deepStrictEqual(result.filter, { soft: 1 })
      return sound(result)
    }).pipe(Effect.provide(live)))

  it.effect("is read where its practice becomes one of lessons", () =>
    Effect.gen(function*() {
      const base = atEngine(presets.quick)
      assert.strictEqual(base.sft.practice?.temperature, 0.5)
      const file = fileOf(base)
      const practice = { ...(file as Stages)["sft"]?.["practice"] as object, of: "lessons", by: "mass" }
      const { preset } = read(base, edited(file, "sft", { practice }))
      assert.notProperty(preset.sft.practice, "temperature")
      yield* sound(preset)
    }).pipe(Effect.provide(live)))

  it("means the same over every preset", () => {
    for (const printed of all) {
      for (const base of all) {
        assert.deepStrictEqual(
          { ...read(base, fileOf(printed)).preset, name: "" },
          { ...read(printed, fileOf(printed)).preset, name: "" },
          `${printed.name} over ${base.name}`
        )
      }
    }
  })
})

describe("a setting that was chosen and does nothing", () => {
  it.effect("is refused as ever", () =>
    Effect.forEach(
      [
        [{ rft: { loss: "sapo", clip: { high: 0.28 } } }, "rft: clip is {\"high\":0.28}, expected nothing beside loss"],
        [{ rft: { lossLength: 64 } }, "rft: lossLength is 64, expected nothing beside loss"],
        [{ rft: { gate: { positive: 2 } } }, "rft: gate is"],
        [{ rft: { kl: 0, klEstimator: "k1" } }, "rft: klEstimator is \"k1\", expected nothing beside kl 0"],
        [{ filter: { soft: 1, tau: 0.6 } }, "filter: tau is 0.6, expected nothing beside soft 1"]
      ] as const,
      ([file, says]) =>
        Effect.map(Effect.flip(sound(read(presets.quick, file).preset)), (error) => {
          if (!(error instanceof Rise.BadSetting)) return assert.fail(String(error))
          assert.include(error.message, says)
        })
    ).pipe(Effect.provide(live)))
})

describe("validation 0 in a file", () => {
  it.effect("takes the preset's own select with it, and says so once", () =>
    Effect.gen(function*() {
      for (const base of [presets.quick, presets.full, fitted]) {
        for (const file of [{ validation: 0 }, { ...fileOf(base), validation: 0 }]) {
          const { notes, preset } = read(base, file)
          assert.deepStrictEqual(notes, [
            `validation 0 holds nothing out to choose weights by: ${
              base === fitted ? "reinforce, sft, rft" : "reinforce, sft"
            } without select, the last are kept`
          ])
          for (const stage of [preset.reinforce, preset.sft, preset.rft]) assert.notProperty(stage, "select")
          yield* sound(preset)
        }
      }
    }).pipe(Effect.provide(live)))

  it.effect("beside a select that was given is refused with both", () =>
    Effect.gen(function*() {
      const { notes, preset } = read(presets.quick, { validation: 0, sft: { select: { every: 7 } } })
      assert.include(notes[0], "reinforce without select")
      const error = yield* Effect.flip(sound(preset))
      if (!(error instanceof Rise.BadSetting)) return assert.fail(String(error))
      assert.match(
        error.message,
        /^sft: select is \{"every":7\}, expected nothing beside validation 0, .*null in a settings file/
      )
    }).pipe(Effect.provide(live)))

  it.effect("of batches with fewer lessons than were chosen to practise on takes those, and says so", () =>
    Effect.gen(function*() {
      for (const base of all.filter(({ sft }) => (sft.practice?.texts ?? 0) > 1)) {
        for (const file of [{ sft: { batchSize: 2 } }, edited(fileOf(base), "sft", { batchSize: 2 })]) {
          const { notes, preset } = read(base, file)
          assert.deepStrictEqual(notes, [
            `sft: a batch of 2 has no ${base.sft.practice?.texts} lessons to practise on: practice.texts is 2, too`
          ])
          assert.deepStrictEqual(preset.sft.practice, base.sft.practice && { ...base.sft.practice, texts: 2 })
          yield* sound(preset)
        }
      }
      const { notes, preset: { warmUp } } = read(presets.quick, { warmUp: { batchSize: 8 } })
      assert.deepStrictEqual([notes.length, warmUp?.practice?.texts], [1, 8])
      // As many as the user asks for, or no batch of the user's own.
      const own = read(presets.quick, { sft: { batchSize: 2, practice: { texts: 3 } } })
      assert.deepStrictEqual([own.notes.length, own.preset.sft.practice?.texts], [0, 3])
      assert.match(
        String(yield* Effect.flip(sound(own.preset))),
        /practice\.texts is 3, expected at most the 2 lessons/
      )
      assert.deepStrictEqual(read(presets.quick, { sft: { batchSize: 8 } }).notes, [])
    }).pipe(Effect.provide(live)))

  it("says nothing where nothing was to be selected", () => {
    assert.deepStrictEqual(read(presets.paper, { validation: 0 }).notes, [])
    assert.deepStrictEqual(read(presets.quick, {}).notes, [])
  })
})
