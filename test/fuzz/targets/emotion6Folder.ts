import { Effect } from "effect"
import { Emotion6Folder } from "../../../src/data/index.ts"
import { pictures, put, samples, shares, texts } from "../data.ts"
import type { Target } from "../Target.ts"

export const target: Target = {
  name: "emotion6Folder",
  kind: "text",
  seeds: texts(
    "[image_filename]\t[valence]\t[prob. (joy)]\t[prob. (fear)]\na.png\t3\t0.3\t0.7\nb.png\t3\t1\t0\n",
    "\ufeff[prob. fear]\t[prob. joy]\timage\n0.3\t0.7\ta.png\n"
  ),
  run: Effect.fnUntraced(function*(input, folder) {
    yield* pictures(folder)
    yield* put(folder, "ground_truth.txt", input)
    return yield* samples(Emotion6Folder.read(folder, { labels: ["joy", "fear"] }), shares(2))
  })
}
