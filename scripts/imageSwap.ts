/**
 * Holds the image-swap test against cues that are known: rank correlation, sample by sample, with the cue precision of
 * reasonings. They are of the base, of the base at a temperature at which it names wrong things, of the base and given
 * to other pictures, and of nobody: true sentences of the world in which each cue is replaced by another of its kind
 * with a chance of 0 to 1. On a draw of the scenes that nothing else is measured on. With the folder of a finished run
 * on scenes also of RISE-CoT: the best chains of that run, on the training scenes that they were written for.
 *
 *     node scripts/imageSwap.ts [PICTURES [RUN]]
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Layer, Option, Schema, Stream } from "effect"
import { join } from "node:path"
import { Scenes } from "../src/data/index.ts"
import { Progress, silent } from "../src/dsl/Progress.ts"
import * as Question from "../src/dsl/Question.ts"
import { CotRow } from "../src/dsl/Rise.ts"
import { cotFile, Run } from "../src/dsl/Run.ts"
import * as ThinkAnswer from "../src/dsl/ThinkAnswer.ts"
import { Groundedness, imageSwap, Results } from "../src/evaluation/index.ts"
import { Keyed, spearman } from "../src/kernels/math/index.ts"
import * as Policies from "../src/policy/layers.ts"
import { Policy } from "../src/policy/Policy.ts"
import { lines } from "../src/studies/artefacts.ts"
import { Emotion6 } from "../src/tasks/classification/index.ts"

const { task } = Emotion6
const [pictures, folder] = [Number(process.argv[2] ?? 64), process.argv[3]]
const seed = 41
const base = Policies.onnx({ model: "embedded", trainable: "none", seed })

/** Reasonings that the base draws, one a picture; null where its text is no think-answer. */
const written = Effect.fnUntraced(function*(data: ReturnType<typeof Scenes.dataset>, temperature: number) {
  const { session } = yield* Policy
  const { sample } = yield* session
  const samples = yield* Stream.runCollect(data)
  const requests = yield* Effect.forEach(samples, (one) =>
    Effect.map(
      Question.ask(task, "annotate", one),
      (prompt) => ({ prompt, key: `drawn/${temperature}/${one.image.id}` })
    ))
  const drawn = yield* sample(requests, { count: 1, maxTokens: 56, temperature })
  return drawn.map(([completion]) =>
    Option.getOrNull(Option.map(
      Option.fromUndefinedOr(completion),
      ({ text }) => {
        const read = ThinkAnswer.read(text)
        return read._tag === "Success" ? read.success.reasoning : null
      }
    ))
  )
}, Effect.scoped)

/** True sentences, the more of whose cues are replaced the later they come of five. */
const spoilt: ReadonlyArray<string> = Scenes.scenes({ split: "test", seed, limit: pictures }).map(({ scene }, i) => {
  const random = Keyed.stream(seed, `spoilt/${i}`)
  const other = <T>(own: T, all: ReadonlyArray<T>, taken: ReadonlyArray<T> = [own]): T =>
    random.next() < (i % 5) / 4 ? random.pick(all.filter((one) => !taken.includes(one))) : own
  return Scenes.Language.explain(random, {
    ...scene,
    face: other(scene.face, Scenes.World.faces),
    objects: scene.objects.map((name) => other(name, Scenes.World.objects, scene.objects)),
    background: other(scene.background, Scenes.World.backgrounds)
  })
})

/** Reasonings by name, one for each sample; null where there is none. */
type Sets = Readonly<Record<string, ReadonlyArray<string | null>>>

/** What became of one reasoning, beside the cues that it names. */
const Swapped = Schema.Struct({ method: Schema.String, image: Schema.String, auc: Schema.Finite, nats: Schema.Finite })

/** Swaps the pictures of each set's reasonings, and counts their cues; prints the figures of each set. */
const tried = Effect.fnUntraced(function*(data: ReturnType<typeof Scenes.dataset>, sets: Sets) {
  const run = yield* Run
  const samples = yield* Stream.runCollect(data)
  const methods = Object.keys(sets)
  for (const method of methods) {
    for (const [i, { image, part }] of samples.entries()) {
      yield* run.append(
        Results.predictionsFile,
        {
          method,
          image: image.id,
          part: part ?? null,
          truth: "",
          text: "",
          annotation: null,
          reasoning: sets[method]?.[i] ?? null,
          verdict: "ok",
          metrics: {}
        } satisfies Results.Prediction
      )
    }
  }
  const rows = yield* imageSwap({ methods, task, data, witness: base, samples: "all" })
  const swaps = yield* run.rows("image-swap.jsonl").pipe(
    Stream.mapEffect((row) => Schema.decodeUnknownEffect(Swapped)(row)),
    Stream.runCollect
  )
  const counted = methods.flatMap((method) =>
    samples.flatMap(({ cues = [], image }, i) => {
      const reasoning = sets[method]?.[i] ?? null
      const found = swaps.find((row) => row.image === image.id && row.method === method)
      if (reasoning === null || found === undefined) return []
      const cue = Groundedness.count(Scenes.Groundedness.cuesNamed(reasoning), cues)
      return [{ ...found, precision: Groundedness.precision(cue), recall: Groundedness.recall(cue) }]
    })
  )
  const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length
  for (const method of methods) {
    const own = counted.filter((row) => row.method === method)
    const figure = (metric: string) => Option.getOrElse(Results.figure(rows, method, "all", metric), () => NaN)
    yield* Console.log([
      method.padEnd(16),
      `n ${own.length}`,
      `grounded ${figure("grounded").toFixed(3)}`,
      `nats ${figure("grounded nats").toFixed(3)}`,
      `cue precision ${mean(own.map(({ precision }) => precision)).toFixed(3)}`,
      `recall ${mean(own.map(({ recall }) => recall)).toFixed(3)}`
    ].join("  "))
  }
  return counted
}, (effect) => Effect.provide(effect, Run.layerMemory({ seed })))

/** The best chains of a finished run, as many as there are pictures, drawn by keys, and the scenes they speak of. */
const chained = Effect.fnUntraced(function*(path: string) {
  const rows = yield* Stream.runCollect(lines(join(path, cotFile("RISE")), CotRow))
  const drawn = Keyed.stream(seed, "chains").shuffle(rows).slice(0, pictures)
  const chains = new Map(drawn.map(({ image, reasoning }) => [image, reasoning]))
  const data = Scenes.dataset({ split: "train" }).pipe(Stream.filter(({ image }) => chains.has(image.id)))
  const written = Stream.map(data, ({ image }) => chains.get(image.id) ?? null)
  return yield* tried(data, { "RISE-CoT": yield* Stream.runCollect(written) })
})

const program = Effect.gen(function*() {
  const data = Scenes.dataset({ split: "test", seed, limit: pictures })
  const [greedy, hot] = yield* Effect.all([written(data, 0), written(data, 1.5)]).pipe(Effect.provide(base))
  const counted = [
    ...yield* tried(data, {
      base: greedy,
      "temperature 1.5": hot,
      shuffled: greedy.map((_, i) => greedy[(i + 1) % greedy.length] ?? null),
      spoilt
    }),
    ...(folder === undefined ? [] : yield* chained(folder))
  ]
  const methods = [...new Set(counted.map(({ method }) => method))]
  const groups = [
    ["base", "shuffled"],
    ["temperature 1.5"],
    ["spoilt"],
    ...(folder === undefined ? [] : [["RISE-CoT"], ["base", "RISE-CoT", "shuffled"]]),
    methods
  ]
  for (const together of groups) {
    const own = counted.filter(({ method }) => together.includes(method))
    const against = (name: "auc" | "nats", cue: "precision" | "recall") =>
      spearman(own.map((row) => row[name]), own.map((row) => row[cue])).toFixed(3)
    yield* Console.log(
      `Spearman over ${together.join(" + ")} (${own.length}): AUC with precision ${
        against("auc", "precision")
      }, with recall ` +
        `${against("auc", "recall")}; nats with precision ${against("nats", "precision")}, with recall ${
          against("nats", "recall")
        }`
    )
  }
}).pipe(Effect.provide(Layer.mergeAll(Layer.succeed(Progress, silent), NodeServices.layer)))

await Effect.runPromise(program)
