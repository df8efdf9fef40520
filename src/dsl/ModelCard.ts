/**
 * `README.md` of a saved model: what it is, what it was trained on and how well it does, as people and the Hugging Face
 * hub read it. The same run writes the same bytes: nothing in it is of the clock or of the machine.
 */
import { Effect, FileSystem, Option, Path, Schema, Stream } from "effect"
import { there } from "../kernels/runtime/there.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import * as Embedded from "../policy/Embedded.ts"
import * as Atomic from "./Atomic.ts"
import { Run } from "./Run.ts"
import { fromPlatform, type RunError } from "./RunError.ts"
import type { Form, Task } from "./Task.ts"
import * as TextFile from "./TextFile.ts"

/** Name of the file in the model's directory. */
export const name = "README.md"

/** A figure of the model, as `results.json` has it. */
export interface Figure {
  /** "all", or a part of the test set. */
  readonly part: string
  readonly metric: string
  readonly value: number
  /** Samples behind it. */
  readonly n: number
}

/** What run.json may say; each run says some of it. */
const Recorded = Schema.Struct({
  seed: Schema.optional(Schema.Json),
  identity: Schema.optional(Schema.Record(Schema.String, Schema.Json)),
  about: Schema.optional(Schema.Record(Schema.String, Schema.Json))
})
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Recorded))

const at = (value: Schema.Json | undefined, ...path: ReadonlyArray<string>): Schema.Json | undefined =>
  path.reduce<Schema.Json | undefined>(
    (inner, key) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? (inner as Readonly<Record<string, Schema.Json>>)[key]
        : undefined,
    value
  )

/** A text as one line of Markdown's tables: labels and folder names are anybody's. */
const cell = (value: Schema.Json): string =>
  (typeof value === "string" ? value : JSON.stringify(value)).replaceAll(/[\p{Cc}\s]+/gu, " ").replaceAll(
    /[|<>`\\]/g,
    "\\$&"
  )
    .slice(0, 300)

/** A directory by its name: where it lies on this machine is nobody's business. */
const placeless = (path: string): string => path.split(/[\\/]/).filter((part) => part !== "").at(-1) ?? path

/** A card's first bytes, which state its licence: the rest may be as long as anybody likes, and is not read. */
const CARD_BYTES = 16_384

/** The beginning of the card in a directory; empty where there is none. */
const headIn = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const card = (yield* Path.Path).join(directory, name)
  if (!(yield* there(card))) return ""
  yield* TextFile.isThere(card)
  return yield* fs.stream(card, { bytesToRead: CARD_BYTES }).pipe(
    Stream.decodeText(),
    Stream.mkString,
    Effect.mapError(fromPlatform(card, "reading"))
  )
})

/** The licence that the card in a directory states. A card that cannot be read is told, and states none. */
const licenceIn = Effect.fnUntraced(function*(directory: string) {
  const head = yield* Effect.catch(
    headIn(directory),
    (error) => Effect.as(warn(`${error.message}: the model card does not say its licence`), "")
  )
  return /^---\n(?:.*\n)*?license: *["']?([\w.+-]+)["']?\n(?:.*\n)*?---\n/.exec(head)?.[1]
})

/** The rows of what a model was trained on, and of the seed that it was trained with. */
const dataRow = "training data"
const seedRow = "seed"

/** What a card says of how its model was trained; none of what it does not say. */
export interface Told {
  /** The name that the run gave its data, as a line of Markdown. */
  readonly data: Option.Option<string>
  readonly seed: Option.Option<number>
}

/** What the card of the model in a directory says. A card that cannot be read says nothing, which is told. */
export const toldIn = (directory: string): Effect.Effect<Told, never, FileSystem.FileSystem | Path.Path> =>
  Effect.map(
    Effect.catch(
      headIn(directory),
      (error) => Effect.as(warn(`${error.message}: the model card does not say what the model was trained on`), "")
    ),
    (head) => {
      const lines = head.split("\n")
      const row = (key: string) => {
        const begin = `| ${key} | `
        const line = lines.find((line) => line.startsWith(begin) && line.endsWith(" |"))
        return Option.fromUndefinedOr(line?.slice(begin.length, -2))
      }
      return {
        // How many samples there were stands behind the name.
        data: Option.map(row(dataRow), (text) => text.split("; ")[0] ?? ""),
        seed: Option.filter(Option.map(row(seedRow), Number), Number.isInteger)
      }
    }
  )

/** What a card calls the data of a path. */
export const called = (path: string): string => cell(placeless(path))

/** Four digits after the point, as every table of results. */
const rounded = (value: number) => Number(value.toFixed(4))

interface Facts {
  readonly base: string
  readonly licence: string | undefined
  /** Of the training data. */
  readonly dataLicence: string | undefined
  readonly task: string
  readonly labels: string | undefined
  readonly form: Form
  readonly data: string
  readonly rows: ReadonlyArray<readonly [string, Schema.Json | undefined]>
  readonly prompt: string
  readonly figures: ReadonlyArray<Figure>
}

/** The hub's fields. What is not known is not made up: the data's licence is whoever's pictures they are to say. */
const frontMatter = ({ figures, licence, task }: Facts): string => {
  const json = (value: unknown) => JSON.stringify(value)
  const whole = figures.filter(({ part }) => part === "all")
  return [
    "---",
    ...(licence === undefined ? [] : [`license: ${licence}`]),
    "library_name: transformers",
    "pipeline_tag: image-text-to-text",
    "tags:",
    "- rise-vlm",
    `- ${json(task)}`,
    ...(whole.length === 0 ? [] : [
      "model-index:",
      `- name: ${json(task)}`,
      "  results:",
      "  - task:",
      "      type: image-text-to-text",
      "    dataset:",
      `      name: ${json(`${task}, test half`)}`,
      `      type: ${json(task.replaceAll(/[^\w-]+/g, "-"))}`,
      "    metrics:",
      ...whole.flatMap(({ metric, value }) => [
        `    - type: ${json(metric.toLowerCase().replaceAll(/[^\w-]+/g, "-"))}`,
        `      name: ${json(metric)}`,
        `      value: ${rounded(value)}`
      ])
    ]),
    "---"
  ].join("\n")
}

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")

/** Fences that no prompt closes. */
const fenced = (language: string, text: string): string => {
  const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)))
  return `${fence}${language}\n${text}\n${fence}`
}

const example = (prompt: string) =>
  `from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

model = AutoModelForImageTextToText.from_pretrained(".")
processor = AutoProcessor.from_pretrained(".")
content = [{"type": "image"}, {"type": "text", "text": ${JSON.stringify(prompt)}}]
text = processor.apply_chat_template([{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True)
inputs = processor(text=[text], images=[Image.open("picture.png").convert("RGB")], return_tensors="pt")
written = model.generate(**inputs, do_sample=False, max_new_tokens=224)[0, inputs["input_ids"].shape[1]:]
print(processor.decode(written, skip_special_tokens=True))`

/** How figures come about. */
const measured = "On the test half of the data, which it was not trained on. Answers are greedy, and held to their " +
  "format where a figure is called masked."

const render = (facts: Facts): string => {
  const { base, data, dataLicence, figures, form, labels, licence, prompt, rows, task } = facts
  return `${frontMatter(facts)}
# ${cell(task)}

A vision-language model that annotates pictures${
    form === "think" ? " and says why" : ""
  }, trained with RISE for TypeScript (\`rise-vlm\`; method: [arXiv 2508.13229](https://arxiv.org/abs/2508.13229)).

${
    table(["", ""], [
      ["task", cell(task)],
      ...(labels === undefined ? [] : [["labels", labels]]),
      ["answers", form === "think" ? "reasoning in `<think>`, annotation in `<answer>`" : "the annotation alone"],
      ["base model", cell(base)],
      [dataRow, data],
      ...rows.flatMap(([key, value]) => value === undefined || value === null ? [] : [[key, cell(value)]])
    ])
  }

## Figures

${
    figures.length === 0
      ? "None yet: this run measured nothing. `npx rise evaluate --model DIR --data PICTURES` does."
      : `${measured}\n\n${
        table(
          ["figure", "part", "value", "samples"],
          figures.map(({ metric, n, part, value }) => [cell(metric), cell(part), String(rounded(value)), String(n)])
        )
      }`
  }

## Licence

- of the weights: ${
    licence === undefined
      ? "not stated by the base model's card; that of the base model holds"
      : `${licence}, the base model's`
  }
- of the training data: ${dataLicence ?? "not recorded; say here which it is before you pass the model on"}

## Asking it

${fenced("sh", `npx rise annotate --model . picture.png\nnpx rise serve --model .`)}

With transformers, in this directory:

${fenced("python", example(prompt))}
`
}

/** Labels of a task that was written down. */
const labelsIn = (described: Schema.Json | undefined): string | undefined => {
  const labels = at(described, "labels") ?? at(described, "codec", "labels")
  return Array.isArray(labels) && labels.length > 0 ? cell(labels.slice(0, 100).join(", ")) : undefined
}

/**
 * Writes the card of the run's model. Its figures are known when the run has measured it: the card is then written
 * again.
 */
export const write = <A>(
  task: Task<A>,
  form: Form,
  { figures = [], method }: { readonly method: string; readonly figures?: ReadonlyArray<Figure> }
): Effect.Effect<void, RunError, Run | FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const run = yield* Run
    if (Option.isNone(run.directory)) return
    const { join } = yield* Path.Path
    const recorded = Option.flatMap(yield* TextFile.readIfThere(join(run.directory.value, "run.json")), decode)
    const identity = Option.getOrElse(recorded, (): typeof Recorded.Type => ({})).identity
    // A script's run records the engine, a study's its settings.
    const named = at(identity, "engine", "model") ?? at(identity, "config", "model")
    const base = typeof named === "string" ? named : "not recorded"
    const own = base.startsWith("embedded ")
    const source = at(identity, "config", "source")
    const counted = [
      ["training", at(identity, "data", "train", "samples") ?? at(identity, "data", "samples")],
      ["test", at(identity, "data", "test", "samples")]
    ].flatMap(([half, n]) => typeof n === "number" ? [`${n} ${String(half)} samples`] : [])
    const text = render({
      base: own ? base : placeless(base),
      licence: yield* licenceIn(own ? Embedded.embedded : base),
      dataLicence: typeof source !== "string"
        ? undefined
        : source.startsWith("embedded ")
        ? "MIT, its sprites Apache-2.0, MIT and CC BY 4.0 (`assets/scenes/ATTRIBUTION.md` of rise-vlm)"
        : yield* licenceIn(source),
      task: task.name,
      labels: labelsIn(task.described),
      form,
      data: cell([typeof source === "string" ? placeless(source) : "pictures of its author", ...counted].join("; ")),
      rows: [
        ["method", method === "" ? undefined : method],
        ["trained", at(identity, "engine", "trained") ?? at(identity, "config", "settings", "trainable")],
        ["rank of the adapter that is merged into it", at(identity, "config", "lora")],
        ["preset", at(identity, "config", "preset")],
        [seedRow, run.seed]
      ],
      prompt: form === "think" ? task.prompts.annotate : task.prompts.answerOnly,
      figures
    })
    yield* Atomic.writeText(join(run.directory.value, "model", name), text)
  })
