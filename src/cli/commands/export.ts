/** `rise export`: a model as files that onnxruntime runs elsewhere. */
import { Console, Effect, FileSystem, Option, Path } from "effect"
import { Command, Flag } from "effect/cli"
import * as Question from "../../dsl/Question.ts"
import { lengths } from "../../dsl/stages/Settings.ts"
import * as TaskFile from "../../dsl/TaskFile.ts"
import { Image } from "../../kernels/image/index.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import { OnnxExport } from "../../policy/index.ts"
import type { SavedTask } from "../../sources/index.ts"
import * as Overwritten from "../annotations/Overwritten.ts"
import { modelName } from "../embedded.ts"
import * as Flags from "../flags.ts"
import { FlagError } from "../futile.ts"
import * as ModelFolder from "../modelFolder.ts"
import { readable } from "../process.ts"
import * as Saved from "../saved.ts"
import { text, whole } from "../values.ts"
import { form } from "./form.ts"

const flags = {
  onnx: text("onnx", "DIR", "a folder").pipe(
    Flag.withDescription(
      "The folder to write, without a default: a new or empty one, or an earlier export, which is replaced"
    )
  ),
  model: Flags.model,
  adapter: Flags.adapter,
  prompt: text("prompt", "TEXT", "what is asked about a picture").pipe(
    Flag.withDescription("What is asked about every picture; default: what the model was trained for"),
    Flag.optional
  ),
  question: text("question", "TEXT", "a question").pipe(
    Flag.withDescription("The question of a task that asks one about each picture; default: none"),
    Flag.optional
  ),
  form,
  maxTokens: whole("max-tokens", { least: 1, most: 2 ** 20 }).pipe(
    Flag.withDescription(`Longest answer, in tokens; default: ${lengths.thinkAnswer}`),
    Flag.withDefault(lengths.thinkAnswer)
  ),
  maxPixels: whole("max-pixels", { least: 1, most: 2 ** 31 }).pipe(
    Flag.withDescription(
      "Area of the largest picture, in pixels, larger ones are scaled down to it; default: the model's own, at most " +
        `${OnnxExport.defaultPixels}`
    ),
    Flag.optional
  )
}

type Given = Command.Command.Config.Infer<typeof flags>

interface Asked {
  readonly prompt: string
  readonly about: Readonly<Record<string, unknown>>
}

/** What a saved task asks about a picture. */
const ofTask = Effect.fnUntraced(function*(given: Given, saved: SavedTask) {
  const { question } = given
  if (Question.asks(saved.task) !== Option.isSome(question)) {
    return yield* new FlagError({
      reason: Option.isSome(question)
        ? `--question is for a task that asks one, and ${Saved.named(saved)} asks every picture the same: leave it out`
        : `${Saved.named(saved)} asks a question about each picture: give it as --question TEXT`
    })
  }
  const how = Option.getOrElse(given.form, () => saved.form)
  const sample = {
    image: Image.file("picture"),
    ...Option.match(question, { onNone: () => ({}), onSome: (question) => ({ question }) })
  }
  const prompt = yield* Question.ask(saved.task, how === "think" ? "annotate" : "answerOnly", sample)
  yield* Saved.tell(given, saved)
  const asked: Asked = {
    prompt: prompt.text,
    about: { task: saved.task.name, form: how, labels: Saved.labelsOf(saved) }
  }
  return asked
})

/** What the exported graphs are asked: the flag's text, else what the model was trained for. */
const askedOf = Effect.fnUntraced(function*(given: Given) {
  const { form, model, prompt, question } = given
  if (Option.isSome(prompt)) {
    const other = Option.isSome(question) ? "--question" : Option.isSome(form) ? "--form" : undefined
    if (other === undefined) return { prompt: prompt.value, about: {} } satisfies Asked
    return yield* new FlagError({ reason: `--prompt is all that is asked, and ${other} says more: leave one out` })
  }
  const saved = yield* Saved.taskOf(given)
  if (Option.isSome(saved)) return yield* ofTask(given, saved.value)
  return yield* new FlagError({
    reason: `${
      Option.getOrElse(given.adapter, () => modelName(model))
    } does not say what it was trained for (it has no ${TaskFile.name}): give what is asked ` +
      "about a picture as --prompt TEXT"
  })
})

/** Where a browser's 32-bit memory ends, with room for what is computed. */
const browserBytes = 2 * 2 ** 30

const run = Effect.fnUntraced(function*(given: Given) {
  const { adapter, maxPixels, maxTokens, model, onnx } = given
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  yield* ModelFolder.readable(model, adapter)
  yield* Overwritten.refuse("--onnx", [onnx], [model, ...Option.toArray(adapter)])
  const { about, prompt } = yield* askedOf(given)
  // The folder is a model directory, too: it knows its task.
  const folders = [...Option.toArray(adapter), model]
  const files = yield* Effect.forEach(
    folders,
    (folder) => Effect.option(fs.readFileString(join(folder, TaskFile.name)))
  )
  const task = Option.firstSomeOf(files)
  const written = yield* OnnxExport.write({
    model,
    target: onnx,
    prompt,
    maxTokens,
    about,
    ...Option.match(adapter, { onNone: () => ({}), onSome: (adapter) => ({ adapter }) }),
    ...Option.match(maxPixels, { onNone: () => ({}), onSome: (maxPixels) => ({ maxPixels }) }),
    ...Option.match(task, { onNone: () => ({}), onSome: (text) => ({ files: { [TaskFile.name]: text } }) })
  })
  const { length, newTokens } = written.room
  yield* Console.log(
    `${onnx}: tower.onnx, prefill.onnx and step.onnx over model.safetensors (${
      (written.weights / 1e6).toFixed(1)
    } MB), for pictures of up to ${written.maxPixels} pixels, prompts of ${length} tokens and answers of ` +
      `${newTokens}. ` +
      "rise-export.json says what goes in and out; docs/export.md has programs for Python and for a browser."
  )
  if (written.weights > browserBytes) {
    yield* warn("these weights are more than a browser's memory holds: run them in Python or Node")
  }
})

export const exporting = Command.make("export", flags, (given) => readable(run(given))).pipe(
  Command.withDescription("Write a model as ONNX graphs that onnxruntime runs in Python, Node and browsers"),
  Command.withExamples([
    {
      command: "rise export --onnx weather-onnx --model runs/mine/model",
      description: "What the model was trained for"
    },
    {
      command: "rise export --onnx out --model Qwen2-VL-2B-Instruct --prompt 'Describe the picture.'",
      description: "Any prompt, any model"
    }
  ])
)
