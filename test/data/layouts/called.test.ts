/** What is set aside is told under the name that the folder was given, whatever links lead to it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { join } from "node:path"
import * as Layouts from "../../../src/data/layouts/index.ts"
import * as Quarantine from "../../../src/dsl/Quarantine.ts"
import { folder, live } from "../folders.ts"

const row = (label: string, image: string) => JSON.stringify({ image, label })
const pictures = { "a.png": [40, 30], "b.png": [40, 30] } as const
const annotation = { image_id: 1, category_id: 1, bbox: [1, 1, 9, 9], iscrowd: 0 }

const layouts: Readonly<Record<string, Parameters<typeof folder>[0]>> = {
  "class folders": { "sun/a.png": [40, 30], "rain/b.png": [40, 30], "rain/c.png": "none" },
  "class folders in halves": {
    ...{ "train/sun/a.png": [40, 30], "train/rain/b.png": [40, 30], "train/rain/c.png": "none" },
    ...{ "test/sun/a.png": [40, 30], "test/rain/b.png": [40, 30] }
  },
  table: { ...pictures, "labels.csv": "image,label\na.png,sun\nb.png,rain\nc.png,rain\n" },
  "JSON rows": {
    ...pictures,
    "data.jsonl": [row("sun", "a.png"), row("rain", "b.png"), row("sun", "c.png")].join("\n")
  },
  COCO: {
    ...pictures,
    "instances.json": JSON.stringify({
      images: [{ id: 1, file_name: "a.png" }, { id: 2, file_name: "c.png" }],
      annotations: [annotation, { ...annotation, image_id: 2 }],
      categories: [{ id: 1, name: "cat" }]
    })
  }
}

describe("rows that are set aside", () => {
  for (const [layout, files] of Object.entries(layouts)) {
    it.effect(`of ${layout}`, () =>
      live(Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const link = join(yield* fs.makeTempDirectoryScoped(), "mine")
        yield* fs.symlink(yield* folder(files), link)
        const found = yield* Layouts.find(link)
        assert.strictEqual(found.layout, layout)
        const quarantine = yield* Quarantine.collect
        yield* (found.kind === "classes" ? Stream.runDrain(found.train) : Stream.runDrain(found.train)).pipe(
          Effect.provideService(Quarantine.Quarantine, quarantine)
        )
        const sources = (yield* quarantine.rows).map(({ source }) => source)
        assert.lengthOf(sources, 1)
        assert.isTrue(sources.every((source) => source.startsWith(link)), sources.join())
      })))
  }
})
