import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option, Result, Stream } from "effect"
import { Corruption } from "../../../src/data/index.ts"
import type { Validated } from "../../../src/dsl/Group.ts"
import { type Event, Progress, silent as quiet, type View } from "../../../src/dsl/Progress.ts"
import { Run } from "../../../src/dsl/Run.ts"
import * as Task from "../../../src/dsl/Task.ts"
import { Results } from "../../../src/evaluation/index.ts"
import { Image } from "../../../src/kernels/image/index.ts"
import type { Preset } from "../../../src/pipelines/Presets.ts"
import { PolicyError } from "../../../src/policy/Policy.ts"
import { Audit } from "../../../src/studies/index.ts"
import { BoxCodec, Detection } from "../../../src/tasks/detection/index.ts"
import * as Stub from "../../dsl/StubPolicy.ts"
import * as Drawing from "../../policy/drawing.ts"
import { openPage } from "../programs/pageDom.ts"

type Settings = Pick<Preset, "generate" | "reconstruct" | "reinforce" | "warmUp">

const preset: Settings = {
  warmUp: { share: 0.5, steps: 4, batchSize: 8, learningRate: 2 },
  generate: { candidates: 8 },
  reconstruct: {},
  reinforce: { steps: 40, promptsPerStep: 8, learningRate: 5, select: { every: 5 } }
}
const clean = Stub.data(120)
const corrupted = Corruption.corrupt<Stub.Label>({ share: 0.1, seed: 4, differ: (own, other) => own !== other })(clean)

/** As eq. 6 over N_g does boxes: what comes later in the list and is more costs nothing. */
const Sided = Task.make({
  ...Stub.Mood,
  oneSided: true,
  similarity: (truth, predicted) => Stub.labels.indexOf(predicted) >= Stub.labels.indexOf(truth) ? 1 : 0.2
})

const study = (
  out: string,
  stub: Stub.Options = {},
  resume = false,
  settings: Settings = preset,
  view: View = quiet,
  read: () => void = () => {},
  task: typeof Stub.Mood = Stub.Mood
) =>
  Effect.gen(function*() {
    const { data, ids } = yield* corrupted
    return yield* Audit.study({
      task,
      data: Stream.tap(data, () => Effect.sync(read)),
      preset: settings,
      policy: Stub.layer({ seed: 4, ...stub }),
      training: "RISE-CoT",
      out,
      seed: 4,
      top: 20,
      by: "similarity",
      wrong: Option.some(ids),
      bars: (label) => [{ label, value: 1 }],
      facts: [["data", "<moods>"]]
    })
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        Run.layer({ path: out, seed: 4, resume, identity: {} }),
        Stub.Trace.layer,
        Layer.succeed(Progress, view)
      )
    )
  )

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
const read = (path: string) => Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(path))
const jsonl = (text: string) => text.trim().split("\n").map((line) => JSON.parse(line))

const draw = (text: string) => ({
  prompt: { images: [], text: "" },
  completion: { text, tokens: new Int32Array(0), logprobs: new Float32Array(0), finish: "stop" as const }
})
const candidate = (
  reasoning: string,
  reconstruction: string,
  reward: number,
  verdict: Validated["verdict"]
): Validated => ({ reasoning: draw(reasoning), reconstruction: draw(reconstruction), reward, verdict })

describe("audit", () => {
  it.effect("doubts a label that lacks what is rebuilt, also where the training's reward leaves that free", () =>
    Effect.gen(function*() {
      const out = `${yield* folder}/run`
      yield* study(out, {}, false, preset, quiet, () => {}, Sided)
      const scored = (yield* Effect.forEach([1, 2], (half) => read(`${out}/half-${half}/audit.jsonl`))).flatMap(jsonl)
      const lacking = scored.filter(({ label, reconstruction }) =>
        reconstruction !== null && Stub.labels.indexOf(reconstruction) > Stub.labels.indexOf(label)
      )
      assert.isAbove(lacking.length, 0)
      for (const one of lacking) {
        assert.isFalse(Audit.agrees(one))
        assert.isBelow(one.similarity, 1)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it("of boxes is ranked by eq. 6 over the larger number, whatever is trained with", () => {
    const codec = BoxCodec.scenes({ labels: ["a cup", "a hat"], step: 10 })
    const of = (denominator: "truth" | "max") => Detection.make({ name: "cups", subject: "cups", codec, denominator })
    const [truth, max] = [of("truth"), of("max")]
    const [cup, hat] = ["a cup [100, 200, 300, 400]", "a hat [500, 200, 300, 400]"]
    const image = Image.rendered("a", () => ({ width: 1, height: 1, data: new Uint8Array(3) }))
    const scoreOf = (task: Detection.Detection<"thousandths">, label: string, rebuilt: string) =>
      Audit.score(task)({
        sample: { image, truth: Result.getOrThrow(task.decode(label)) },
        candidates: [candidate("Because.", rebuilt, 0, "ok")]
      })
    for (const [label, rebuilt] of [[cup, `${cup}, ${hat}`], [`${cup}, ${hat}`, cup], [cup, hat]] as const) {
      assert.deepStrictEqual(scoreOf(truth, label, rebuilt), scoreOf(max, label, rebuilt))
    }
    assert.strictEqual(scoreOf(truth, cup, `${cup}, ${hat}`).similarity, 0.5)
  })

  it.effect("refuses what the engine cannot do before the judge is trained", () =>
    Effect.gen(function*() {
      let updates = 0
      const error = yield* Effect.flip(study(
        `${yield* folder}/run`,
        {
          unable: { kl: "there is no reference" },
          beforeUpdate: () => Effect.sync(() => void updates++)
        },
        false,
        { ...preset, reinforce: { ...preset.reinforce, kl: 0.05 } }
      ))
      assert.strictEqual(error.message, "reinforce: kl is 0.05, expected 0: there is no reference")
      assert.strictEqual(updates, 0)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("finds labels that do not fit their pictures, judging none that it was trained on", () =>
    Effect.gen(function*() {
      const out = `${yield* folder}/run`
      const { rows, suspects } = yield* study(out)
      const value = (metric: string) => Option.getOrThrow(Results.figure(rows, "audit", "train", metric))
      for (const ranking of Audit.rankings) {
        assert.isAbove(value(`AUROC ${ranking}`), ranking === "best" ? 0.6 : 0.9, ranking)
      }
      assert.strictEqual(rows[0]!.n, 120)
      assert.isAbove(value("precision similarity"), 0.7)

      assert.deepStrictEqual(suspects.map(({ rank }) => rank), Array.from({ length: 20 }, (_, i) => i + 1))
      const scores = suspects.map(({ similarity }) => similarity)
      assert.deepStrictEqual(scores, scores.toSorted((a, b) => a - b))
      const { ids } = yield* corrupted
      assert.isTrue(suspects.every(({ image, wrong }) => wrong === ids.has(image)))
      // The pictures' ids say what they are; so does what was rebuilt of wrong labels.
      const rebuilt = suspects.filter(({ wrong }) => wrong).filter(({ image, reconstruction }) =>
        image.startsWith(`${reconstruction}-`)
      )
      assert.isAbove(rebuilt.length, 0.7 * suspects.filter(({ wrong }) => wrong).length)

      const judged = (half: number) =>
        Effect.map(read(`${out}/half-${half}/audit.jsonl`), (text) => new Set(jsonl(text).map(({ image }) => image)))
      const warmed = (half: number) =>
        Effect.map(read(`${out}/half-${half}/warm-up.jsonl`), (text) => jsonl(text).map(({ image }) => image))
      const [first, second] = [yield* judged(1), yield* judged(2)]
      assert.strictEqual(first.size, 60)
      assert.strictEqual(new Set([...first, ...second]).size, 120)
      // Twice the share, of half the samples.
      assert.strictEqual((yield* warmed(1)).length, 60)
      assert.isFalse((yield* warmed(1)).some((image) => first.has(image)))
      assert.isFalse((yield* warmed(2)).some((image) => second.has(image)))

      const html = yield* read(`${out}/audit.html`)
      assert.include(html, "&lt;moods&gt;")
      assert.include(html, "wrong label")
      assert.notMatch(html, /(src|href)="(?!data:)/)
      assert.strictEqual(html.match(/<image /g)?.length, 20)
      assert.include(html, "<span class=\"key ours\"></span>rebuilt, in percent")
      assert.strictEqual(jsonl(yield* read(`${out}/suspects.jsonl`)).length, 20)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("tells of all stages of both halves before the first, and names them apart", () =>
    Effect.gen(function*() {
      const events: Array<Event> = []
      let [reads, ahead] = [0, 0]
      const view: View = {
        report: (event) =>
          Effect.sync(() => {
            if (event._tag === "Planned") ahead = reads
            events.push(event)
          })
      }
      yield* study(`${yield* folder}/run`, {}, false, preset, view, () => void reads++)
      // One pass for the number of all, two for that of a half.
      assert.strictEqual(ahead, 3 * 120)
      const planned = events.flatMap((event) => event._tag === "Planned" ? [event.stages] : [])
      assert.strictEqual(planned.length, 1)
      const names = planned[0]!.map(({ stage }) => stage)
      const half = ["warm-up-chains", "warm-up", "reinforce", "explain"]
      assert.deepStrictEqual(names, ["half-1", "half-2"].flatMap((part) => half.map((stage) => `${part}/${stage}`)))
      assert.isTrue(planned[0]!.every(({ counted }) => counted > 0))
      const of = (tag: "Started" | "Finished") => events.flatMap((event) => event._tag === tag ? [event.stage] : [])
      assert.deepStrictEqual([of("Started"), of("Finished")], [names, names])
      assert.strictEqual(events.findIndex(({ _tag }) => _tag === "Planned"), 0)
      assert.deepStrictEqual(events.flatMap((event) => event._tag === "Began" ? [event.text] : []), [
        "to do: 120 labels, 8 reasonings each, in 8 stages: how long they take is told with their first steps"
      ])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("shows on its page how long it took and on what, of which the page itself has no byte", () =>
    Effect.gen(function*() {
      const out = `${yield* folder}/run`
      yield* study(out)
      const { html, place } = yield* Effect.promise(() => openPage(out, "audit.html"))
      const shown = place("machine")!.textContent
      assert.match(shown, /time of all stages[\d.]+ (s|min)/)
      assert.include(shown, "half-1/warm-up")
      assert.include(shown, "half-2/audit")
      assert.notMatch(html, /time of all stages[\d.]|half-1\/warm-up/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("resumes in its second half to the same bytes", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      yield* study(`${directory}/whole`)
      let updates = 0
      const beforeUpdate = () =>
        ++updates === 60 ? Effect.fail(new PolicyError({ operation: "update", reason: "power cut" })) : Effect.void
      assert.include((yield* Effect.flip(study(`${directory}/cut`, { beforeUpdate }))).message, "power cut")
      updates = 100
      yield* study(`${directory}/cut`, { beforeUpdate }, true)
      assert.isAtMost(updates, 100 + 44)
      for (const file of ["suspects.jsonl", "audit.html", "results.json", "half-1/audit.jsonl", "half-2/audit.jsonl"]) {
        assert.strictEqual(yield* read(`${directory}/cut/${file}`), yield* read(`${directory}/whole/${file}`), file)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("ranks no label that the judge has not answered: it sets them apart and says so", () =>
    Effect.gen(function*() {
      const out = `${yield* folder}/run`
      /** Writes nothing that can be read of every other picture, whatever its label. */
      const silent = (id: string) => Number(id.split("-")[1]) % 2 === 0
      const mute = Drawing.layer((sample) => (requests, options) =>
        Effect.map(
          sample(requests, options),
          (drawn) =>
            drawn.map((completions, i) =>
              completions.map((completion) =>
                requests[i]!.key.endsWith("reconstruct") && silent(requests[i]!.prompt.images[0]!.id)
                  ? { ...completion, text: "mumble" }
                  : completion
              )
            )
        )
      ).pipe(Layer.provide(Stub.layer({ seed: 4, bias: { potato: -20 } })))
      const { data, ids } = yield* corrupted
      const studied = Audit.study({
        task: Stub.Mood,
        data,
        preset,
        policy: mute,
        training: "none",
        out,
        seed: 4,
        wrong: Option.some(ids),
        facts: []
      }).pipe(
        Effect.provide(Layer.mergeAll(
          Run.layer({ path: out, seed: 4, resume: false, identity: {} }),
          Stub.Trace.layer,
          Layer.succeed(Progress, quiet)
        ))
      )
      const { rows, suspects, unanswered } = yield* studied
      const mumbled = (yield* Stream.runCollect(data)).map(({ image }) => image.id).filter(silent)
      assert.deepInclude(unanswered, { count: mumbled.length, of: 120 })
      assert.strictEqual(suspects.length, 120 - mumbled.length)
      assert.isFalse(suspects.some(({ image }) => silent(image)))
      assert.deepStrictEqual(jsonl(yield* read(`${out}/unanswered.jsonl`)).map(({ image }) => image), mumbled)
      const row = (metric: string) => rows.find((row) => row.metric === metric)!
      assert.deepStrictEqual([row("unanswered").value, row("unanswered").n], [mumbled.length / 120, 120])
      assert.strictEqual(row("AUROC metric").n, 120 - mumbled.length)
      const html = yield* read(`${out}/audit.html`)
      assert.include(html, `The judge could not answer for ${mumbled.length} of 120 labels`)
      assert.include(html, "it wrote &quot;mumble&quot;")
      assert.notInclude(html, "leads back to any annotation")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says of a judge that rebuilds the same whatever the label that its suspects mean nothing", () =>
    Effect.gen(function*() {
      const out = `${yield* folder}/run`
      const of = (name: string, bias: NonNullable<Stub.Options["bias"]>, data = clean) =>
        Audit.study({
          task: Stub.Mood,
          data,
          preset,
          policy: Stub.layer({ seed: 4, bias }),
          training: "none",
          out: `${out}/${name}`,
          seed: 4,
          facts: []
        }).pipe(
          Effect.provide(Layer.mergeAll(
            Run.layer({ path: `${out}/${name}`, seed: 4, resume: false, identity: {} }),
            Stub.Trace.layer,
            Layer.succeed(Progress, quiet)
          )),
          Effect.flatMap(({ doubts }) => Effect.map(read(`${out}/${name}/audit.html`), (html) => ({ doubts, html })))
        )
      const same = yield* of("same", { fear: 50 })
      assert.strictEqual(same.doubts.length, 1)
      assert.include(
        same.doubts[0],
        "The judge of all labels says the same whatever the label: it rebuilt \"fear\" for 120 of the 120 labels " +
          "that it answered, of which 40 are that. What it suspects means nothing: leave --training none out"
      )
      assert.include(same.html, "The most suspect first")
      assert.notInclude(same.html, "<span class=\"key", "colours of what is not drawn")
      assert.include(same.html, "<p role=\"alert\"><strong>The judge of all labels says the same")
      const alike = yield* of("alike", { fear: 50 }, Stream.filter(clean, ({ truth }) => truth === "fear"))
      assert.deepStrictEqual(alike.doubts, [], "of labels that are all the same it may be right")
      const apart = yield* of("apart", {})
      assert.deepStrictEqual(apart.doubts, [])
      assert.notInclude(apart.html, "role=\"alert\"")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it("says of a judge that is silent on most what it wrote, and what to do for the judge that it is", () => {
    const judge = { training: "warm-up", model: "untaught" } as const
    const of = (count: number, other: Partial<Audit.Judge> = {}) =>
      Audit.silence({ count, of: 25, first: { label: "circle", wrote: "crcle" } }, { ...judge, ...other })
    assert.include(
      of(13),
      "for 13 of 25 labels: nothing that it rebuilt could be read; for \"circle\" it wrote \"crcle\"."
    )
    assert.include(of(13), "silent on most has not learned to rebuild labels")
    assert.notInclude(of(12), "silent on most")
    assert.include(of(13), "prepare it longer")
    const asItIs = { training: "none" } as const
    assert.include(of(13, { ...asItIs, model: "taught" }), "--training warm-up teaches that again")
    assert.include(of(13, { ...asItIs, model: "served" }), "with the directory of this one (--model DIR)")
    assert.include(of(13, { ...asItIs, model: "untaught" }), "or name a model that was trained for this task (--model)")
  })

  it(
    "scores a group by its best and mean reward and by similarity alone, and shows the reconstruction that " +
      "agrees most",
    () => {
      const scored = Effect.runSync(Effect.map(Stream.runHead(Stub.data(1)), (head) => {
        const sample = Option.getOrThrow(head)
        return Audit.score(Stub.Mood)({
          sample: { ...sample, truth: "fear" },
          candidates: [
            candidate("a", "joy", 0.2, "ok"),
            candidate("b", "joy", 0.2, "ok"),
            candidate("they are 100 percent afraid", "fear", 0, "leak"),
            candidate("c", "potato", 0, "format-annotation")
          ]
        })
      }))
      assert.deepStrictEqual(scored, {
        image: "joy-0",
        label: "fear",
        best: 0.2,
        mean: 0.1,
        similarity: (0.2 + 0.2 + 1) / 3,
        metric: -2 / 3,
        chains: 4,
        leaked: 1,
        unread: 1,
        reconstruction: "joy",
        reasoning: "a"
      })
      assert.strictEqual(
        Audit.reason(scored),
        "chains written for the label lead back to \"joy\": similarity to the label 0.47 on average, reward 0.20 " +
          "at best; " +
          "1 of 4 chains quote the label; 1 of 4 reconstructions are no annotation"
      )
    }
  )
})
