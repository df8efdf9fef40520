/** A directory in the shape of the embedded checkpoint, with random weights: hardly a text of it ends early. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, FileSystem } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Config, Initialize } from "../../src/kernels/models/index.ts"
import { ModelDirectory } from "../../src/kernels/weights/index.ts"

/** The directory whose shape it has. */
export const embedded = fileURLToPath(new URL("../../assets/scene-vl", import.meta.url))

const json = (name: string): Record<string, unknown> => JSON.parse(readFileSync(`${embedded}/${name}`, "utf8"))

/** Its configuration. */
export const config = Effect.suspend(() => Config.fromJson(json("config.json")))

/** Fields of its JSON files that differ from the embedded ones. */
export interface Changes {
  readonly config?: Readonly<Record<string, unknown>>
  readonly processor?: Readonly<Record<string, unknown>>
}

/** Writes it into a temporary folder that lives as long as the scope. */
export const make = (seed: number, { config = {}, processor = {} }: Changes = {}) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const model = `${yield* fs.makeTempDirectoryScoped()}/model`
    const changed = { ...json("config.json"), ...config }
    yield* ModelDirectory.save(model, {
      from: embedded,
      files: {
        "config.json": JSON.stringify(changed),
        "preprocessor_config.json": JSON.stringify({ ...json("preprocessor_config.json"), ...processor })
      }
    }, Initialize.random(yield* Config.fromJson(changed), seed))
    return model
  }).pipe(Effect.provide(NodeServices.layer))

/** So many words, which are about as many tokens. */
export const words = (i: number, count: number): string =>
  Array.from({ length: count }, (_, k) => ["people", "look", "at", "a", "picture", "and", "feel"][(i + k) % 7]).join(
    " "
  )
