/** What tools and spreadsheets write besides: read as it is meant, or refused with what to do instead. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { Effect, FileSystem, Path, Stream } from "effect"
import sharp from "sharp"
import * as Layouts from "../../../src/data/layouts/index.ts"
import * as Quarantine from "../../../src/dsl/Quarantine.ts"

const six = [0, 1, 2, 3, 4, 5]
const rows = (row: (i: number, label: string) => string) =>
  six.map((i) => row(i, i % 2 === 0 ? "rain" : "sun")).join("")
const json = (of: (i: number, label: string) => unknown) => six.map((i) => of(i, i % 2 === 0 ? "rain" : "sun"))
const utf16 = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, "utf16le")])
const region = (name: string) => ({ shape_attributes: { name: "rect", x: 1, y: 1 }, region_attributes: { type: name } })

/** Files beside six pictures, and labels with the first truth, or what the error says. */
type Case = readonly [
  name: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  said: RegExp | readonly [labels: string, first: unknown]
]

const csv = (name: string, text: string | Uint8Array, said: Case[2]): Case => [name, { "labels.csv": text }, said]
const jsonl = (name: string, lines: ReadonlyArray<string>, end: string, said: Case[2]): Case => [
  name,
  { "data.jsonl": lines.join(end) },
  said
]
const one = ["rain,sun", [1, 0]] as const
const plain = json((i, label) => JSON.stringify({ image: `${i}.png`, label })).map(String)

const cases: ReadonlyArray<Case> = [
  csv("decimal commas in quotes", `image,sun,rain\r\n${rows((i) => `${i}.png,"0,75","0,25"\r\n`)}`, [
    "rain,sun",
    [0.25, 0.75]
  ]),
  csv("thousands in quotes", `image,sun,rain\n${rows((i) => `${i}.png,"1,200","3,600"\n`)}`, ["rain,sun", [
    0.75,
    0.25
  ]]),
  csv("percents with a space", `image;sun;rain\n${rows((i) => `${i}.png;75 %;25 %\n`)}`, ["rain,sun", [0.25, 0.75]]),
  csv(
    "TRUE and FALSE",
    `image,rain,sun\n${rows((i, l) => `${i}.png,${l === "rain" ? "TRUE,FALSE" : "FALSE,TRUE"}\n`)}`,
    [
      ...one
    ]
  ),
  csv("bars", `image|label\n${rows((i, l) => `${i}.png|${l}\n`)}`, one),
  csv("BOM and CRLF", `\uFEFFimage,label\r\n${rows((i, l) => `${i}.png,${l}\r\n`)}`, one),
  csv("UTF-16 with tabs", utf16(`image\tlabel\r\n${rows((i, l) => `${i}.png\t${l}\r\n`)}`), one),
  csv("UTF-16 without a mark", Buffer.from(`image\tlabel\n${rows((i, l) => `${i}.png\t${l}\n`)}`, "utf16le"), /UTF-16/),
  csv("line ends in quotes", `image,label,note\n${rows((i, l) => `${i}.png,${l},"two\nlines ""x"""\n`)}`, one),
  csv("a delimiter behind every line", `image,label,\n${rows((i, l) => `${i}.png,${l},\n`)}`, one),
  csv("a delimiter behind every row but the header", `image,label\n${rows((i, l) => `${i}.png,${l},\n`)}`, one),
  csv("two columns of one name", `image,label,label\n${rows((i, l) => `${i}.png,${l},x\n`)}`, /called "label": rename/),
  csv("two shares of one name", `image,sun,sun\n${rows((i) => `${i}.png,0.7,0.3\n`)}`, /two columns are called "sun"/),
  csv("a header alone", "image,label\n", /labels\.csv: a header and no rows below it/),
  csv("nothing", "", /labels\.csv is empty/),
  csv(
    "addresses",
    `image,label\n${rows((i, l) => `https://x.org/there/${i}0.png,${l}\n`)}`,
    /remote: "https:\/\/x\.org.*nothing is fetched: put "00\.png" into the data's folder, or name another f/
  ),
  csv(
    "addresses of files that are there",
    `image,label\n${rows((i, l) => `https://x.org/a/${i}.png?t=1,${l}\n`)}`,
    one
  ),
  csv("drives of Windows", `image,label\n${rows((i, l) => `C:\\me\\${i}.png,${l}\n`)}`, /absolute path of Windows/),
  csv(
    "Label Studio's CSV",
    `image,choice,annotator,annotation_id,created_at\n${
      rows((i, l) => `/data/upload/1/abcdef01-${i}.png,${l},1,${i},2024\n`)
    }`,
    /CSV of Label Studio, which is not read: export it as JSON/
  ),
  csv(
    "VIA's CSV",
    `filename,region_count,region_id,region_shape_attributes\n${rows((i) => `${i}.png,1,0,"{""name"":""rect""}"\n`)}`,
    /regions of VIA.*export them as COCO/
  ),
  jsonl("BOM, CRLF and blank lines", [`\uFEFF${plain[0]}`, ...plain.slice(1), "", ""], "\r\n", one),
  jsonl("a comma behind every line", plain, ",\n", one),
  jsonl("a list inside of an object", [], "", /no lines|no rows|no layout|empty/),
  ["an object with a list", {
    "data.json": JSON.stringify({ version: 1, data: plain.map((text) => JSON.parse(text)) })
  }, one],
  [
    "an object by picture",
    { "labels.json": JSON.stringify(Object.fromEntries(json((i, label) => [`${i}.png`, label]) as never)) },
    one
  ],
  jsonl(
    "pictures by file address",
    json((i, label) => JSON.stringify({ image: `file://ROOT/${i}.png`, label })).map(String),
    "\n",
    one
  ),
  [
    "LabelMe",
    { "0.json": JSON.stringify({ shapes: [], imagePath: "0.png" }) },
    /LabelMe .* not read: export it as COCO/
  ],
  ["VIA", { "via.json": JSON.stringify({ "0.png1": { filename: "0.png", regions: [region("cup")] } }) }, /VIA, which/],
  [
    "COCO results",
    { "results.json": JSON.stringify([{ image_id: 0, category_id: 1, bbox: [1, 2, 3, 4], score: 0.9 }]) },
    /COCO results .* not read: true boxes come in an instances file/
  ],
  ["Labelbox", { "export.ndjson": JSON.stringify({ data_row: { id: "x" }, projects: {} }) }, /Labelbox, which/],
  ["CVAT", { "annotations.xml": "<annotations/>" }, /CVAT \(one annotations\.xml\), .* export it from CVAT as COCO/],
  ["Pascal VOC", { "0.xml": "<annotation/>" }, /Pascal VOC .* export it as COCO/],
  ["YOLO", { "data.yaml": "nc: 2", "labels/0.txt": "0 0.5 0.5 0.1 0.1" }, /YOLO .* export it as COCO/],
  ["Excel", { "labels.xlsx": "PK" }, /a spreadsheet, which is not read: save it as CSV/]
]

const made = Effect.fnUntraced(function*(files: Case[1]) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
  const png = yield* Effect.promise(() =>
    sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } }).png().toBuffer()
  )
  for (const i of six) yield* fs.writeFile(path.join(root, `${i}.png`), png)
  for (const [name, content] of Object.entries(files)) {
    yield* fs.makeDirectory(path.dirname(path.join(root, name)), { recursive: true })
    const text = typeof content === "string" ? Buffer.from(content.replaceAll("ROOT", root)) : content
    yield* fs.writeFile(path.join(root, name), text)
  }
  return root
})

const read = (root: string) =>
  Effect.gen(function*() {
    const found = yield* Layouts.find(root)
    if (found.kind !== "classes") return assert.fail(`${root}: boxes`)
    const samples = yield* Stream.runCollect(found.train)
    return { labels: found.labels.join(), samples, notes: found.notes }
  }).pipe(Quarantine.silently)

for (const [name, files, said] of cases) {
  it.effect(`${name}: ${said instanceof RegExp ? "refused" : "read"}`, () =>
    Effect.scoped(Effect.gen(function*() {
      const found = yield* Effect.result(read(yield* made(files)))
      if (said instanceof RegExp) {
        assert.strictEqual(found._tag, "Failure")
        if (found._tag === "Failure") assert.match(found.failure.message, said)
        return
      }
      if (found._tag === "Failure") return assert.fail(found.failure.message)
      const [labels, first] = said
      assert.deepStrictEqual([found.success.labels, found.success.samples.length], [labels, 6])
      assert.deepStrictEqual(found.success.samples[0]?.truth, first)
    })).pipe(Effect.provide(NodeServices.layer)))
}

it.effect("a folder that cannot be listed is named, and no empty one; halves inside of labels are told", () =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const root = yield* made({})
    yield* fs.symlink("train", path.join(root, "train"))
    const loop = yield* Effect.flip(read(root))
    assert.match(loop.message, /train cannot be read: its links lead in a circle/)
    const closed = yield* Effect.flip(read(yield* made({ "sun/0.png": "", "rain/0.png": "" }))).pipe(
      Effect.provideService(FileSystem.FileSystem, {
        ...fs,
        readDirectory: (name, options) =>
          name.endsWith("sun") ? fs.readDirectory("/dev/null/no") : fs.readDirectory(name, options)
      })
    )
    assert.match(closed.message, /cannot be read|no such file/)
    const png = yield* fs.readFile(path.join(root, "0.png"))
    const mixed = Object.fromEntries(
      ["sun", "rain"].flatMap((label) => ["train", "test"].map((half) => [`${label}/${half}/0.png`, png]))
    )
    const folders = yield* made(mixed)
    for (const i of six) yield* fs.remove(path.join(folders, `${i}.png`))
    assert.match((yield* Effect.flip(read(folders))).message, /have "test", "train" inside: put the halves outside/)
  })).pipe(Effect.provide(NodeServices.layer)))

it.effect("pictures of one name in either half are two pictures, not one of several annotators", () =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const png = yield* fs.readFile(path.join(yield* made({}), "0.png"))
    const lines = (labels: ReadonlyArray<string>) =>
      labels.map((label, i) => JSON.stringify({ file_name: `${i}.png`, label })).join("\n")
    const root = yield* made({
      ...Object.fromEntries(["train", "test"].flatMap((half) => [0, 1].map((i) => [`${half}/${i}.png`, png]))),
      "train/metadata.jsonl": lines(["sun", "rain"]),
      "test/metadata.jsonl": lines(["rain", "sun"])
    })
    const found = yield* Layouts.find(root)
    assert.isTrue(found.kind === "classes" && found.single)
    assert.notMatch(found.notes.join(), /several rows/)
    assert.isTrue(found.test._tag === "Some")
  })).pipe(Effect.provide(NodeServices.layer)))
