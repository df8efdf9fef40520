/**
 * A run folder of as many samples as one likes, as a run would have left it: real schemas, real pictures of test scenes
 * (again under other names where there are not enough), real metrics; what methods say is drawn by a key.
 *
 *   node test/studies/programs/manySamples.ts OUT [COUNT]
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, FileSystem, Option, Schema, Stream } from "effect"
import { Scenes } from "../../../src/data/index.ts"
import { ChainsRow } from "../../../src/dsl/Rise.ts"
import * as Results from "../../../src/evaluation/Results.ts"
import * as Keyed from "../../../src/kernels/math/Keyed.ts"
import { PictureRow } from "../../../src/studies/gallery.ts"
import { report } from "../../../src/studies/index.ts"
import { thumbnail } from "../../../src/studies/picture.ts"
import { Emotion6 } from "../../../src/tasks/classification/index.ts"

const { task } = Emotion6

/** How far off a method is, and how often it cannot be read. */
const methods = {
  prior: [1, 0],
  base: [0.9, 0.1],
  SFT: [0.4, 0.02],
  "Visual-RFT": [0.45, 0.01],
  RISE: [0.3, 0.01]
} as const

const seeds = Scenes.dataset({ split: "test", limit: 200 }).pipe(
  Stream.mapEffect(({ image, part = null, truth }) =>
    Effect.map(thumbnail(image), (small) => ({ id: image.id, part, truth, ...small }))
  ),
  Stream.runCollect
)

const line = <A>(codec: Schema.Codec<A, unknown>) => {
  const encode = Schema.encodeSync(codec)
  return (row: A) => `${JSON.stringify(encode(row))}\n`
}

/** Writes the folder; nothing that grows with `count` is held. */
export const manySamples = Effect.fnUntraced(function*(out: string, count: number) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(out, { recursive: true })
  const scenes = yield* seeds
  const of = (i: number) => {
    const scene = scenes[i % scenes.length]
    if (scene === undefined) throw new Error("there are no scenes")
    return { ...scene, id: i < scenes.length ? scene.id : `${scene.id}#${Math.floor(i / scenes.length)}` }
  }
  const mean = task.labels.map(() => 1 / task.labels.length)
  const figures = (truth: ReadonlyArray<number>, said: Option.Option<ReadonlyArray<number>>) => ({
    ...Object.fromEntries((task.metrics ?? []).map((metric) => [metric.name, metric.of(truth, said)])),
    valid: Option.isSome(said) ? 1 : 0,
    reward: Option.match(said, {
      onNone: () => 0,
      onSome: (said) => 1 - Math.min(1, (task.metrics?.[0]?.of(truth, Option.some(said)) ?? 0) / Math.LN2)
    })
  })
  const sums = new Map<string, number>()
  const prediction = (method: keyof typeof methods, i: number): Results.Prediction => {
    const { id, part, truth } = of(i)
    const [off, unread] = methods[method]
    const draw = Keyed.stream(7, `${method}/${i}`)
    const broken = draw.next() < unread
    const other = task.labels.map(() => draw.next() ** 3)
    const total = other.reduce((a, b) => a + b, 0)
    const said = method === "prior" ? mean : truth.map((share, k) => (1 - off) * share + off * (other[k] ?? 0) / total)
    const text = task.encode(said)
    const read = broken ? Option.none() : Option.some(said)
    const metrics = figures(truth, read)
    for (const [name, value] of Object.entries(metrics)) {
      sums.set(`${method}\t${name}`, (sums.get(`${method}\t${name}`) ?? 0) + value)
    }
    const thinks = !["prior", "SFT"].includes(method) && !broken
    return {
      method,
      image: id,
      part,
      truth: task.encode(truth),
      text: broken ? "A face <b>in</b> a storm, and then nothing that could be read." : text,
      annotation: broken ? null : text,
      reasoning: thinks ? `A screaming face with a mournful candle in a storm, of picture ${i}.` : null,
      verdict: broken ? "format-annotation" : "ok",
      metrics
    }
  }
  const write = <A>(name: string, n: number, row: (i: number) => A, codec: Schema.Codec<A, unknown>) => {
    const text = line(codec)
    return Stream.range(0, n - 1).pipe(
      Stream.map((i) => text(row(i))),
      Stream.encodeText,
      Stream.run(fs.sink(`${out}/${name}`))
    )
  }
  const names = ["prior", "base", "SFT", "Visual-RFT", "RISE"] as const
  yield* write(
    "predictions.jsonl",
    count * names.length,
    (i) => prediction(names[Math.floor(i / count)] ?? "RISE", i % count),
    Results.Prediction
  )
  const picture = (half: "test" | "train") => (i: number): PictureRow => {
    const { height, id, png, width } = of(i)
    return { half, image: half === "test" ? id : `train/${i}`, width, height, png }
  }
  const chained = Math.min(count, 200)
  yield* write(
    "pictures.jsonl",
    count + chained,
    (i) => i < count ? picture("test")(i) : picture("train")(i - count),
    PictureRow
  )
  yield* write("chains.jsonl", chained, (i): ChainsRow => {
    const { truth } = of(i)
    const draw = Keyed.stream(7, `chains/${i}`)
    return {
      image: `train/${i}`,
      truth: task.encode(truth),
      chains: Array.from({ length: 8 }, (_, g) => {
        const leak = draw.next() < 0.1
        return {
          reasoning: `A screaming face with a mournful candle in a storm, chain ${g}.`,
          reconstruction: task.encode(truth.map((share) => share * 0.7 + draw.next() * 0.3)),
          reward: leak ? 0 : draw.next(),
          verdict: leak ? "leak" : "ok"
        }
      })
    }
  }, ChainsRow)
  const rows = [...sums].map(([key, sum]): Results.ResultRow => {
    const [method = "", metric = ""] = key.split("\t")
    return { method, part: "all", shots: "full", metric, value: sum / count, n: count, seed: 7 }
  })
  yield* fs.writeFileString(`${out}/results.json`, JSON.stringify(rows))
  yield* fs.writeFileString(
    `${out}/run.json`,
    JSON.stringify({
      identity: {
        task: task.name,
        data: { train: { samples: chained }, test: { samples: count } },
        config: { preset: "full", model: "embedded scene-vl-places", source: "embedded scenes (synthetic)" },
        seed: 7
      },
      about: { task: task.described, lowerIsBetter: ["JSD", "MAE"], metric: "JSD" }
    })
  )
})

if (import.meta.main) {
  const [out = "runs/many", count = "10000"] = process.argv.slice(2)
  const program = Effect.gen(function*() {
    yield* manySamples(out, Number(count))
    const began = performance.now()
    const file = yield* report(out)
    yield* Console.log(
      `${file}: made in ${((performance.now() - began) / 1000).toFixed(1)} s, ` +
        `${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB at the most`
    )
  })
  await Effect.runPromise(Effect.provide(program, NodeServices.layer))
}
