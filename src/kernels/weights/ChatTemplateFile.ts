/**
 * Where a directory keeps its chat template, in the order of precedence of transformers: chat_template.jinja, then the
 * processor's chat_template.json, then `chat_template` in tokenizer_config.json (a string, or a list of named ones).
 */
import { Effect, FileSystem, Option, Path } from "effect"
import { makeFolder } from "../runtime/makeFolder.ts"
import { withNewlines } from "../text/ChatTemplate.ts"
import { show } from "../text/show.ts"
import * as GitLfs from "./GitLfs.ts"
import { isJsonObject, type JsonObject, readJsonIfThere } from "./JsonFile.ts"
import { fromPlatform, WeightsError } from "./WeightsError.ts"

/** The file that every tool of today looks for first. */
export const fileName = "chat_template.jinja"

/** One template out of what a JSON file may hold: text, or `[{name, template}]` of which "default" is meant. */
const choose = (path: string, value: unknown): Effect.Effect<string, WeightsError> => {
  if (typeof value === "string") return Effect.succeed(value)
  const named = Array.isArray(value) ? value.filter(isJsonObject) : []
  const chosen = named.find(({ name }) => name === "default")?.["template"]
  if (typeof chosen === "string") return Effect.succeed(chosen)
  return Effect.fail(
    new WeightsError({
      path,
      reason: "its chat_template cannot be used",
      found: named.length > 0
        ? `templates named ${show(named.map(({ name }) => name))}`
        : typeof value,
      expected: "a string, or a list of {name, template} with one named \"default\""
    })
  )
}

export const read = (
  directory: string,
  tokenizerConfig: JsonObject,
  hint: string
): Effect.Effect<string, WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const jinja = join(directory, fileName)
    if (yield* fs.exists(jinja).pipe(Effect.mapError(fromPlatform(jinja, "looking for it")))) {
      const text = yield* fs.readFileString(jinja).pipe(Effect.mapError(fromPlatform(jinja, "reading")))
      const pointer = GitLfs.describe(new TextEncoder().encode(text))
      return pointer === undefined ? withNewlines(text) : yield* new WeightsError({ path: jinja, reason: pointer })
    }
    const processorPath = join(directory, "chat_template.json")
    const processor = yield* readJsonIfThere(processorPath)
    if (processor._tag === "Some") return withNewlines(yield* choose(processorPath, processor.value["chat_template"]))
    const inConfig = tokenizerConfig["chat_template"]
    if (inConfig !== undefined && inConfig !== null) {
      return withNewlines(yield* choose(join(directory, "tokenizer_config.json"), inConfig))
    }
    return yield* new WeightsError({
      path: directory,
      reason: "no chat template",
      expected: "chat_template.jinja, chat_template.json, or chat_template in tokenizer_config.json",
      hint
    })
  })

/** Where transformers looks for templates beside the one it uses unless told otherwise. */
const named = "additional_chat_templates"

/** A template's name as a file name, which it cannot leave the directory by. */
const isPlainName = (name: string): boolean => /^[\w-]+$/.test(name)

/**
 * Leaves chat_template.jinja in a saved directory whose template lies elsewhere: transformers' processor looks nowhere
 * else. Templates that stand beside the default one go along, for that file hides the list they are in.
 *
 * @param from the directory that `target` has its other files from
 */
export const complete = (
  from: string,
  target: string
): Effect.Effect<void, WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const disk = Effect.mapError(fromPlatform(target, "saving its chat templates"))
    const write = (name: string, text: string) => disk(fs.writeFileString(join(target, name), text))
    const beside = new Map<string, string>()
    const files = (yield* disk(fs.exists(join(from, named)))) ? yield* disk(fs.readDirectory(join(from, named))) : []
    for (const file of files) beside.set(file, yield* disk(fs.readFileString(join(from, named, file))))
    if (!(yield* disk(fs.exists(join(target, fileName))))) {
      const processor = yield* readJsonIfThere(join(target, "chat_template.json"))
      const settings = yield* readJsonIfThere(join(target, "tokenizer_config.json"))
      const value = Option.getOrElse(Option.orElse(processor, () => settings), (): JsonObject => ({}))["chat_template"]
      // A base model's directory may have none.
      if (value !== undefined && value !== null) yield* write(fileName, yield* choose(target, value))
      for (const { name, template } of Array.isArray(value) ? value.filter(isJsonObject) : []) {
        if (typeof name !== "string" || typeof template !== "string") continue
        if (name !== "default" && isPlainName(name)) beside.set(`${name}.jinja`, template)
      }
    }
    if (beside.size > 0) yield* disk(makeFolder(join(target, named)))
    for (const [name, text] of beside) yield* write(join(named, name), text)
  })
