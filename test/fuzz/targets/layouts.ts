/** What a folder turns out to be: rows of every layout in one file. */
import { Effect, FileSystem, Option } from "effect"
import { find } from "../../../src/data/layouts/index.ts"
import * as Quarantine from "../../../src/dsl/Quarantine.ts"
import { Instances, lines, pictures, put, samples, shares, texts } from "../data.ts"
import type { Disk, Target } from "../Target.ts"

const box = { bbox: [1, 2, 3, 4], label: "cup" }
const turn = (value: string) => [{ from: "human", value: "<image>" }, { from: "gpt", value }]
const result = { type: "rectanglelabels", value: { x: 1, y: 2, width: 30, height: 40, rectanglelabels: ["cup"] } }
const choice = { type: "choices", value: { choices: ["sun"] } }

const make = (name: string, file: string, kind: Target["kind"], seeds: Target["seeds"]): Target => ({
  name,
  kind,
  seeds,
  run: (input, folder): Effect.Effect<boolean, never, Disk> =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      yield* pictures(folder)
      yield* put(folder, file, input)
      const found = yield* Effect.option(Quarantine.silently(find(folder)))
      if (Option.isNone(found)) return false
      yield* Effect.orDie(fs.exists(folder))
      const { value } = found
      return value.kind === "classes"
        ? yield* samples(value.train, shares(value.labels.length))
        : yield* samples(value.train, Instances)
    })
})

export const targets: ReadonlyArray<Target> = [
  make(
    "layoutRows",
    "data.jsonl",
    "json",
    texts(
      lines({ image: "a.png", label: "sun" }, { image: "b.png", label: "rain" }),
      lines({ image: "a.png", label: { sun: 0.7, rain: 0.3 } }, { image: "b.png", label: { sun: 1, rain: 0 } }),
      lines({ image: "a.png", objects: [box] }, { image: "b.png", ...box }),
      lines({ image: "a.png", conversations: turn("<answer>sun</answer>") }),
      lines({ image: "a.png", conversations: turn("{\"sun\": 70, \"rain\": 30}") }),
      lines({ image: "a.png", conversations: turn("[{\"bbox_2d\": [1, 2, 9, 9], \"label\": \"cup\"}]") })
    )
  ),
  make(
    "layoutDocument",
    "data.json",
    "json",
    texts(
      JSON.stringify([{ image: "a.png", label: "sun" }, { image: "b.png", label: "rain" }]),
      JSON.stringify({ "a.png": { label: "sun" }, "b.png": { label: "rain" } }),
      JSON.stringify([{
        id: 1,
        data: { image: "/data/upload/1/a.png" },
        annotations: [{ result: [{ ...result, original_width: 40, original_height: 30 }] }, { result: [choice] }]
      }]),
      JSON.stringify([{ id: 1, image: "a.png", choice: "sun" }, { id: 2, image: "b.png", choice: "rain" }]),
      JSON.stringify({
        images: [{ id: 1, file_name: "a.png" }, { id: 2, file_name: "b.png" }],
        annotations: [{ image_id: 1, category_id: 3, bbox: [1, 2, 3, 4] }],
        categories: [{ id: 3, name: "cup" }]
      })
    )
  ),
  make(
    "layoutTable",
    "data.csv",
    "text",
    texts(
      "image,label\na.png,sun\nb.png,rain\n",
      "file;sun;rain\na.png;0,5;0,5\nb.png;1;0\n",
      "a.png\tsun\nb.png\train\n",
      "image,label,split\na.png,sun,train\nb.png,rain,test\na.png,rain,train\n"
    )
  )
]
