/** Boxes of one's own, from training to annotating: the saved model knows its task, in every layout of the data. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import { here } from "./here.ts"

const [width, height] = [128, 112]
const labels = ["a ball", "a cup"]

/** Pictures with one thing or two: [label, x, y, width, height], in pixels. */
const drawn = Array.from({ length: 8 }, (_, i) => ({
  image: `${i}.png`,
  boxes: labels.map((label, k) => [label, 8 + 4 * i + 50 * k, 10 + 7 * i, 20 + i, 18 + i] as const)
    .filter((_, k) => (i + k) % 3 !== 2)
}))

const coco = {
  images: drawn.map(({ image }, i) => ({ id: i, file_name: image, width, height })),
  categories: labels.map((name, id) => ({ id, name })),
  annotations: drawn.flatMap(({ boxes }, i) =>
    boxes.map(([label, ...bbox], k) => ({
      id: 10 * i + k,
      image_id: i,
      category_id: labels.indexOf(label),
      bbox,
      area: bbox[2] * bbox[3],
      iscrowd: 0
    }))
  )
}

const rows = drawn.map(({ boxes, image }) =>
  JSON.stringify({ image, objects: boxes.map(([label, ...bbox]) => ({ label, bbox })) })
)

const project = drawn.map(({ boxes, image }, id) => ({
  id,
  data: { image: `/data/upload/1/${image}` },
  annotations: [{
    result: boxes.map(([label, x, y, w, h]) => ({
      type: "rectanglelabels",
      original_width: width,
      original_height: height,
      value: {
        x: 100 * x / width,
        y: 100 * y / height,
        width: 100 * w / width,
        height: 100 * h / height,
        rotation: 0,
        rectanglelabels: [label]
      }
    }))
  }]
}))

const layouts = {
  "COCO": ["instances.json", JSON.stringify(coco)],
  "JSON rows": ["data.jsonl", rows.join("\n")],
  "Label Studio": ["project.json", JSON.stringify(project)]
} as const

const folder = Effect.acquireRelease(
  Effect.promise(async () => {
    const directory = mkdtempSync(join(tmpdir(), "rise-"))
    const pictures = await Promise.all(drawn.map(({ boxes }) => {
      const things = boxes.map(([, x, y, w, h]) => `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="red"/>`)
      return sharp(Buffer.from(`<svg width="${width}" height="${height}">${things.join("")}</svg>`)).png().toBuffer()
    }))
    for (const [layout, [file, text]] of Object.entries(layouts)) {
      mkdirSync(join(directory, layout))
      writeFileSync(join(directory, layout, file), text)
      for (const [i, { image }] of drawn.entries()) writeFileSync(join(directory, layout, image), pictures[i]!)
    }
    return directory
  }),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

describe("boxes of one's own", () => {
  it.live(
    "are trained on, measured and annotated by the task that is saved with the model",
    () =>
      Effect.gen(function*() {
        const cwd = yield* folder
        const at = (name: string) => join(cwd, name)
        const smoke = ["--preset", "smoke", "--workers", "1"]
        // As a user does, in the folder of the data.
        const trained = yield* here(
          ["train", "--data", "COCO", "--method", "SFT", ...smoke, "--out", "run", "--strict"],
          { cwd }
        )
        assert.strictEqual(trained.code, 3, trained.stderr)
        assert.match(trained.stderr, /SFT reaches IoU [\d.]+ on 2 test pictures: worse than guessing the mean/)
        const results: ReadonlyArray<{ readonly method: string; readonly metric: string; readonly value: number }> =
          JSON
            .parse(readFileSync(at("run/results.json"), "utf8"))
        assert.isAbove(results.find(({ method, metric }) => method === "prior" && metric === "IoU")?.value ?? 0, 0)
        const task = JSON.parse(readFileSync(at("run/model/rise-task.json"), "utf8"))
        assert.deepStrictEqual([task.kind, task.name, task.codec.labels, task.codec.step], [
          "detection",
          "COCO",
          labels,
          10
        ])
        assert.include(
          task.prompts.annotate,
          "in this picture and think about its things, then their place",
          "few words"
        )

        const model = ["--model", at("run/model"), "--workers", "1"]
        const said = /task of \S*run\/model: COCO \(a ball, a cup\), answered without a reasoning\n/
        yield* Effect.forEach(
          Object.keys(layouts),
          Effect.fnUntraced(function*(layout) {
            const measured = yield* here([
              "evaluate",
              ...model,
              "--data",
              at(layout),
              "--out",
              at(`measured ${layout}`)
            ])
            assert.strictEqual(measured.code, 0, measured.stderr)
            assert.match(measured.stderr, said)
            assert.match(
              measured.stderr,
              new RegExp(`${layout}, boxes with labels: 6 pictures to train on \\+ 2 to test`)
            )
            assert.match(measured.stdout, /mAP[^]*\nmodel /)
            const [row = ""] = readFileSync(at(`measured ${layout}/predictions.jsonl`), "utf8").split("\n")
            const { image, truth } = JSON.parse(row)
            assert.match(truth, /^a (ball|cup) \[\d+, \d+, \d+, \d+\]/, `${image}: the same boxes in every layout`)
          }),
          { discard: true }
        )
        const [first, ...others] = Object.keys(layouts).map((layout) =>
          readFileSync(at(`measured ${layout}/predictions.jsonl`), "utf8")
        )
        for (const other of others) assert.strictEqual(other, first)

        const annotated = yield* here(["annotate", "--model", "run/model", "COCO/1.png"], { cwd })
        assert.strictEqual(annotated.code, 0, annotated.stderr)
        assert.match(annotated.stderr, said)
        assert.isArray(JSON.parse(annotated.stdout).value)
        const other = yield* here(["annotate", ...model, "--labels", "sun,rain", at("COCO/1.png")])
        assert.match(
          other.stderr,
          /task of \S*run\/model: COCO \(a ball, a cup\), .*; asked otherwise, by --labels sun,rain\n/
        )
        assert.deepStrictEqual(Object.keys(JSON.parse(other.stdout).value), ["sun", "rain"])
        const scenes = yield* here(["evaluate", ...model])
        assert.match(
          scenes.stderr,
          /was trained for COCO \(a ball, a cup\), and the embedded scenes are rated .* --data/
        )
        assert.strictEqual(scenes.code, 2)

        const audited = yield* here([
          "audit",
          ...["--model", at("run/model"), "--data", at("JSON rows"), ...smoke],
          ...["--training", "none", "--out", at("a")]
        ])
        assert.strictEqual(audited.code, 0, audited.stderr)
        const lines = (name: string) => existsSync(at(name)) ? readFileSync(at(name), "utf8").split("\n").length - 1 : 0
        // All of them: ranked, or set apart because the judge has not answered.
        assert.strictEqual(lines("a/suspects.jsonl") + lines("a/unanswered.jsonl"), drawn.length)

        writeFileSync(at("run/model/rise-task.json"), "{")
        const damaged = yield* here(["annotate", ...model, at("COCO/1.png")])
        assert.deepStrictEqual([damaged.code, damaged.stdout], [1, ""])
        assert.match(damaged.stderr, /^error: \S*run\/model\/rise-task\.json: not JSON: .* remove the file and say it/)
      }).pipe(Effect.scoped),
    300_000
  )
})
