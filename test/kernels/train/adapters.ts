/** The PEFT adapters of test/fixtures/lora.py and the batch they were measured on. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { LossGraphs, ParameterStore } from "../../../src/kernels/train/index.ts"
import * as Adapter from "../../../src/policy/onnx/Adapter.ts"
import { type Feeds, value } from "../graph/reference.ts"
import { arrays, batch, config, given, reference, sequenceFeeds, towerOf, weights } from "../models/fixture.ts"

export const folder = (name: string): string => fileURLToPath(new URL(`../../fixtures/lora/${name}`, import.meta.url))

export const settings = config("tied")
export const expected = arrays("../lora/case.safetensors")
export const numbers = JSON.parse(readFileSync(folder("case.json"), "utf8")) as {
  readonly loss: number
  readonly rate: number
  readonly decay: number
  readonly checked: Readonly<Record<string, number>>
}

export const load = (name: "adapter" | "stabilized") =>
  Adapter.make(settings, { adapter: folder(name) }, 0).pipe(Effect.provide(NodeServices.layer))

export const open = (name: "adapter" | "stabilized") => Effect.runPromise(load(name))

export const grid = given.grid_thw[0]!
export const length = batch[0]!.tokens.length
export const scored = batch.length * (length - 1)

export const shape: LossGraphs.BatchShape = {
  batch: batch.length,
  length,
  rows: scored,
  visual: { kind: "pixels", ...towerOf(settings).shape },
  temperature: 1,
  grammarStates: undefined
}

const total = reference["weights"]!.data.reduce((sum, w) => sum + w, 0)

/** Everything a supervised step over the fixture's batch is fed with. */
export const feeds = ({ store }: Adapter.Adapter): Feeds => ({
  ...weights("tied"),
  ...Object.fromEntries(
    Object.entries(ParameterStore.tensors(store)).map(([name, { data, dims }]) => [name, value(data, dims)])
  ),
  ...sequenceFeeds(settings, batch),
  ...towerOf(settings).feeds,
  lossRows: value(batch.flatMap((_, b) => Array.from({ length: length - 1 }, (_, t) => b * length + t))),
  targets: value(batch.flatMap(({ tokens }) => tokens.slice(1))),
  weights: value(reference["weights"]!.data.map((w) => w / total))
})

/** The name a parameter has in PEFT's file. */
export const stored = (name: string): string =>
  `base_model.model.${name.startsWith("visual.") ? `model.${name}` : name.replace(/^model\./, "model.language_model.")}`
