/**
 * What finds wrong labels, and what ranks pictures by how much their raters disagree: the closed loop (`rise audit`)
 * beside bare answers of the same base, trained on the same samples. The labels of a keyed tenth are swapped for other
 * samples' labels; one half of the data is judged by what was trained on the other.
 *
 *     node scripts/labelNoise.ts OUT [DATA]        of DATA, as examples/emotion6.ts reads it, or the embedded scenes
 *     node scripts/labelNoise.ts OUT DATA 0        without swapped labels
 *
 * `OUT/rows.jsonl` has a line for every judged sample: its labels, its scores, and the mean of 16 drawn answers as
 * out-of-sample probabilities; `OUT/pixels.bin` its picture as 24 × 24 pixels of RGB. bench/peers/label_noise.py reads
 * both.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, FileSystem, Layer, Option, Path, Stream } from "effect"
import { Corruption } from "../src/data/index.ts"
import * as Dataset from "../src/dsl/Dataset.ts"
import * as Rise from "../src/dsl/Rise.ts"
import { Run } from "../src/dsl/Run.ts"
import { Decode, resample } from "../src/kernels/image/index.ts"
import { auroc, Divergence, spearman } from "../src/kernels/math/index.ts"
import { annotate } from "../src/pipelines/annotate.ts"
import * as Presets from "../src/pipelines/Presets.ts"
import * as Policies from "../src/policy/layers.ts"
import * as Sources from "../src/sources/index.ts"
import { Audit } from "../src/studies/index.ts"
import { type Distribution, Emotion6 } from "../src/tasks/classification/index.ts"

const { task } = Emotion6
const [out = "", folder, share = "0.1"] = process.argv.slice(2)
const seed = 0
const photographs = folder !== undefined
const given = photographs ? Presets.photos : Presets.quick
/** Half as many steps and chains as the preset has, for half of the data; all of it is explained. */
const warming: Rise.WarmUpOptions = { ...given.warmUp, share: 1, steps: 250 }
const drawing: Rise.GenerateOptions = { ...given.generate, candidates: 8 }
const { practice: _, select: __, ...taught } = given.sft
const answering: Rise.SftOptions = { ...taught, steps: 500 }
const policy = Policies.onnx({
  model: "embedded",
  trainable: Presets.trainableOf(given),
  seed,
  workers: 1
})
type Data<E, R> = Dataset.Dataset<Distribution, E, R>

/** A judge of its own policy and folder, which goes on where it was cut off. */
const judging = Effect.fnUntraced(function*(name: string, settings: object) {
  const path = yield* Path.Path
  return Layer.mergeAll(
    Layer.fresh(policy),
    Run.layer({ path: path.join(out, name), seed, resume: true, identity: { settings: JSON.stringify(settings) } })
  )
})
const side = 24

/** Distributions that a model draws which was taught to answer, 16 for each picture, as one; by image id. */
const answersOf = Effect.fnUntraced(function*<E, R>(judged: Data<E, R>, trained: Data<E, R>) {
  const judge = yield* judging("answers", answering)
  return yield* Effect.gen(function*() {
    yield* Rise.train(Rise.make(task, trained).pipe(Rise.answers(), Rise.sft(answering)))
    const answers = Stream.map(judged, ({ image }) => image).pipe(
      annotate(task, { form: "answer", samples: 16, maxTokens: 32, grammar: "off" })
    )
    return yield* Stream.runFold(
      answers,
      () => new Map<string, Distribution | null>(),
      (all, { annotation, image }) => all.set(image.id, Option.getOrNull(annotation))
    )
  }).pipe(Effect.provide(judge))
})

/** What the closed loop rebuilds, as `rise audit` scores it; by image id. */
const scoresOf = Effect.fnUntraced(function*<E, R>(judged: Data<E, R>, trained: Data<E, R>) {
  const judge = yield* judging("loop", { warming, drawing })
  return yield* Effect.gen(function*() {
    yield* Rise.make(task, trained).pipe(Rise.warmUp(warming)).ready
    const loop = Rise.make(task, judged).pipe(
      Rise.generate(drawing),
      Rise.reconstruct(given.reconstruct),
      Rise.validate()
    )
    const scored = Stream.map(loop.items, Audit.score(task))
    return new Map((yield* Stream.runCollect(scored)).map((one) => [one.image, one]))
  }).pipe(Effect.provide(judge))
})

/** Nats of the votes. */
const entropy = (votes: Distribution): number => -votes.reduce((sum, p) => p > 0 ? sum + p * Math.log(p) : sum, 0)
const most = (votes: Distribution): number => Math.max(...votes)
const top = (votes: Distribution): number => votes.indexOf(most(votes))

const program = Effect.gen(function*() {
  const [fs, path] = [yield* FileSystem.FileSystem, yield* Path.Path]
  const source = yield* Sources.softLabels({ task, data: Option.fromUndefinedOr(folder), shots: Option.none(), seed })
  const samples = yield* Stream.runCollect(source.train)
  const differ = (own: Distribution, other: Distribution) => task.encode(own) !== task.encode(other)
  const { data, ids } = yield* Corruption.corrupt<Distribution>({ share: Number(share), seed, differ })(
    Stream.fromIterable(samples)
  )
  const { train: trained, validation: judged } = Dataset.split({ share: 0.5, seed })(data)
  const answers = yield* answersOf(judged, trained)
  const scores = yield* scoresOf(judged, trained)
  const labels = new Map((yield* Stream.runCollect(judged)).map(({ image, truth }) => [image.id, truth]))
  const own = samples.filter(({ image }) => labels.has(image.id))
  const pictures = yield* Effect.forEach(
    own,
    ({ image }) => Effect.map(Decode.load(image), (pixels) => resample(pixels, { width: side, height: side }).data)
  )
  yield* fs.writeFile(path.join(out, "pixels.bin"), Uint8Array.from(pictures.flatMap((data) => [...data])))
  const rows = own.flatMap(({ image: { id }, truth }) => {
    const [label, score] = [labels.get(id), scores.get(id)]
    if (label === undefined || score === undefined) return []
    const { best, mean, metric, reconstruction, similarity } = score
    const answer = answers.get(id) ?? null
    return [{
      image: id,
      votes: truth,
      label,
      wrong: ids.has(id),
      answer,
      // As `rise audit --by metric` ranks, of the bare answers.
      agreement: answer === null ? null : -Divergence.js(label, answer),
      // What needs no label: how sure the answers are.
      certainty: answer === null ? null : -entropy(answer),
      ...(Audit.answered({ reconstruction }) ? { best, mean, metric, similarity } : {})
    }]
  })
  yield* fs.writeFileString(path.join(out, "rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""))

  yield* Console.log(`${rows.length} samples, ${rows.filter(({ wrong }) => wrong).length} of them with another's label`)
  for (const name of ["metric", "similarity", "mean", "best", "agreement", "certainty"] as const) {
    const known = rows.flatMap((row) => {
      const score = row[name]
      return typeof score === "number" ? [{ ...row, score }] : []
    })
    const [bad, good] = [known.filter(({ wrong }) => wrong), known.filter(({ wrong }) => !wrong)]
    const plain = bad.filter(({ label, votes }) => top(label) !== top(votes))
    const minus = (all: typeof known) => all.map(({ score }) => -score)
    const found = bad.length === 0 ?
      "" :
      `AUROC ${auroc(minus(bad), minus(good)).toFixed(3)}, of the ${plain.length} whose first label differs ${
        auroc(minus(plain), minus(good)).toFixed(3)
      }; `
    // A score that follows the label's own shape follows a swapped label's, too, and then says nothing of the picture.
    const shape = bad.length === 0 ?
      "" :
      `; of swapped labels with the label's entropy ${
        spearman(minus(bad), bad.map(({ label }) => entropy(label))).toFixed(3)
      }, with that of the right one ${spearman(minus(bad), bad.map(({ votes }) => entropy(votes))).toFixed(3)}`
    yield* Console.log(
      `${name.padEnd(11)} ${known.length} judged; ${found}Spearman with the entropy of the right labels ${
        spearman(minus(good), good.map(({ votes }) => entropy(votes))).toFixed(3)
      }, with 1 − their largest share ${spearman(minus(good), good.map(({ votes }) => 1 - most(votes))).toFixed(3)}` +
        shape
    )
  }
})

await Effect.runPromise(Effect.provide(program, NodeServices.layer))
