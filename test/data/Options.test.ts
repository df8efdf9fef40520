/** Options of readers that mean nothing: named, before anything is read. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type FileSystem, type Path, Schema, Stream } from "effect"
import * as CocoInstances from "../../src/data/CocoInstances.ts"
import * as Corruption from "../../src/data/Corruption.ts"
import * as CsvManifest from "../../src/data/CsvManifest.ts"
import * as Emotion6Folder from "../../src/data/Emotion6Folder.ts"
import * as ImageFolder from "../../src/data/ImageFolder.ts"
import { Layouts, Scenes } from "../../src/data/index.ts"
import * as JsonLines from "../../src/data/JsonLines.ts"
import * as Parquet from "../../src/data/Parquet.ts"
import * as ReasonSeg from "../../src/data/ReasonSeg.ts"
import * as Subset from "../../src/data/Subset.ts"
import * as Dataset from "../../src/dsl/Dataset.ts"

type Given = Readonly<Record<string, unknown>>
type Read = Stream.Stream<unknown, { readonly message: string }, FileSystem.FileSystem | Path.Path>

const task = { labels: ["a", "b"] }
const annotation = Schema.String
const readers: Readonly<Record<string, (options: Given) => Read>> = {
  CsvManifest: (options) => CsvManifest.read("x", task, options),
  Emotion6Folder: (options) => Emotion6Folder.read("x", task, options),
  ImageFolder: (options) => ImageFolder.read("x", task, options),
  JsonLines: (options) => JsonLines.read("x", { annotation, ...options }),
  Parquet: (options) => Parquet.read(["x"], { annotation, ...options }),
  CocoInstances: (options) => CocoInstances.read("x", options),
  ReasonSeg: (options) => ReasonSeg.read("x", options)
}

const limits: ReadonlyArray<readonly [Given, string]> = [
  [{ maxBytes: NaN }, "maxBytes is NaN, expected a number above 0, or Infinity"],
  [{ maxBytes: -1 }, "maxBytes is -1, expected a number above 0, or Infinity"],
  [{ maxPixels: "9" }, `maxPixels is "9", expected a number above 0, or Infinity`]
]
const tolerance: ReadonlyArray<readonly [Given, string]> = [
  [{ tolerance: NaN }, "tolerance is NaN, expected a number from 0"],
  [{ tolerance: -0.1 }, "tolerance is -0.1, expected a number from 0"],
  [
    { tolerance: 0.1, values: "votes" },
    `tolerance is 0.1, expected nothing beside values "votes", which are divided by their sum, whatever it is`
  ]
]
const values: ReadonlyArray<readonly [Given, string]> = [
  [{ values: "percent" }, `values is "percent", expected "shares" or "percentages" or "votes"`]
]
const split: readonly [Given, string] = [
  { split: "val" },
  `split is "val", expected "train" or "validation" or "test" or "all"`
]
const misspelt = (first: string): readonly [Given, string] => [
  { tolerence: 1 },
  `tolerence is 1, expected no setting of this name: there are ${first}`
]

const cases: Readonly<Record<string, ReadonlyArray<readonly [Given, string]>>> = {
  CsvManifest: [
    ...tolerance,
    ...values,
    split,
    [{ folder: "" }, `folder is "", expected the path of a file or folder`],
    misspelt("folder")
  ],
  Emotion6Folder: [...limits, ...tolerance, ...values, misspelt("maxBytes")],
  ImageFolder: [
    ...limits,
    [{ folders: "x" }, `folders is "x", expected a folder for each label`],
    misspelt("maxBytes")
  ],
  JsonLines: [
    ...limits,
    split,
    [{ keys: { image: 1 } }, "keys.image is 1, expected a key"],
    [{ keys: { picture: "p" } }, `keys.picture is "p", expected no setting of this name: there are image, annotation`],
    misspelt("maxBytes")
  ],
  Parquet: [
    ...limits,
    split,
    [{ maxGroupBytes: 0 }, "maxGroupBytes is 0, expected a number above 0"],
    misspelt("maxBytes")
  ],
  CocoInstances: [...limits, [{ pictures: 1 }, "pictures is 1, expected the path of a file or folder"]],
  ReasonSeg: [...limits, [{ targets: "all" }, `targets is "all", expected "one" or "each"`]]
}

describe("options of readers", () => {
  for (const [name, list] of Object.entries(cases)) {
    it.effect(`${name}: what means nothing is an error that names it`, () =>
      Effect.forEach(
        list,
        ([options, says]) =>
          Effect.map(Effect.flip(Stream.runDrain(readers[name]!(options))), ({ message }) =>
            assert.include(message, says))
      ).pipe(Effect.provide(NodeServices.layer)))
  }

  it.effect("scenes, subsets and draws fail with theirs before anything is drawn or read", () => {
    const scenes = { split: "test" } as const
    const draw = { labels: ["a"], classesOf: () => ["a"], seed: 0 }
    const whole = "expected a whole number from 0, or Infinity"
    const halves = "expected \"train\" or \"test\""
    const none = Stream.die("read")
    const sampled = [
      ["Scenes", Scenes],
      ["Scenes.Things", Scenes.Things],
      ["Scenes.Reasoning", Scenes.Reasoning],
      ["Scenes.Objects", Scenes.Objects]
    ] as const
    const calls: ReadonlyArray<readonly [Stream.Stream<unknown, { readonly message: string }>, string]> = [
      ...sampled.flatMap(([name, { dataset }]) => [
        [dataset({ split: "trian" as "train" }), `${name}.dataset: split is "trian", ${halves}`] as const,
        [dataset({ split: undefined as never }), `${name}.dataset: split is undefined, ${halves}`] as const,
        [dataset({ ...scenes, seed: NaN }), `${name}.dataset: seed is NaN, expected a whole number`] as const,
        [
          dataset({ ...scenes, sed: 1 } as typeof scenes),
          `${name}.dataset: sed is 1, expected no setting of this name: there are`
        ] as const
      ]),
      ...sampled.slice(0, 3).flatMap(([name, { dataset }]) =>
        [-2, NaN, 1.5].map((limit) =>
          [dataset({ ...scenes, limit } as typeof scenes), `${name}.dataset: limit is ${limit}, ${whole}`] as const
        )
      ),
      [Scenes.dataset({ ...scenes, shots: -1 }), `Scenes.dataset: shots is -1, ${whole}`],
      [
        Scenes.dataset({ ...scenes, difficulty: 2 }),
        "Scenes.dataset: difficulty is 2, expected a number in [0, 1]"
      ],
      [Scenes.Objects.dataset({ ...scenes, limit: 1 } as typeof scenes), "limit is 1, expected no setting of"],
      [Subset.draw({ ...draw, train: -1 })(none).train, `Subset: train is -1, ${whole}`],
      [Subset.draw({ ...draw, test: NaN })(none).test, `Subset: test is NaN, ${whole}`],
      [
        Stream.unwrap(Effect.map(
          Layouts.hold({ source: "x", classOf: () => "", seed: 0, share: 2 })(none),
          ({ train }) => train
        )),
        "Layouts.hold: share is 2, expected a number in [0, 1]"
      ],
      [
        Stream.unwrap(Effect.map(
          Corruption.corrupt({ share: 2, seed: 0, differ: () => true })(none),
          ({ data }) => data
        )),
        "Corruption.corrupt: share is 2, expected a number in [0, 1]"
      ],
      [none.pipe(Dataset.limit(-1)), `Dataset.limit: count is -1, ${whole}`],
      [none.pipe(Dataset.shots(1.5, { classOf: () => "", seed: 0 })), `Dataset.shots: count is 1.5, ${whole}`],
      [none.pipe(Dataset.shots(1, { classOf: () => "", seed: NaN })), "Dataset.shots: seed is NaN, expected a whole"],
      [Dataset.split({ share: 0.5, seed: 0.5 })(none).train, "Dataset.split: seed is 0.5, expected a whole number"],
      [Dataset.split({ share: NaN, seed: 0 })(none).validation, "Dataset.split: share is NaN, expected a number in"],
      [
        none.pipe(Dataset.verified("x", () => Effect.void, { concurrency: 0 })),
        "Dataset.verified: concurrency is 0, expected a whole number from 1, or Infinity"
      ]
    ]
    return Effect.forEach(
      calls,
      ([stream, says]) =>
        Effect.map(Effect.flip(Stream.runDrain(stream)), ({ message }) => assert.include(message, says))
    )
  })
})
