import { Effect } from "effect"
import { CsvManifest } from "../../../src/data/index.ts"
import { pictures, put, samples, shares, texts } from "../data.ts"
import type { Target } from "../Target.ts"

const labels = ["sun", "rain"]

export const target: Target = {
  name: "csvManifest",
  kind: "text",
  seeds: texts(
    "image,sun,rain\na.png,0.3,0.7\nb.png,1,0\n",
    "image;sun;rain\r\n\"a.png\";0,3;0,7\r\nb.png;1;0\r\n",
    "\tsun\timage\train\n0\t0.5\ta.png\t0.5\n",
    "sep=;\nimage;sun;rain\nb.png;1;0\n",
    "image, \"sun\",rain\n\"a.png\",\"0,3\",\"0,7\"\nb.png,\"1\n\",0\n\"\"\"\",\"1,0\nb.png,1,0\n"
  ),
  run: Effect.fnUntraced(function*(input, folder) {
    yield* pictures(folder)
    return yield* samples(CsvManifest.read(yield* put(folder, "train.csv", input), { labels }), shares(2))
  })
}
