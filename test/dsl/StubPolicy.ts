/**
 * A small but real policy: softmax tables over whole texts, sampled by inverse CDF from keyed uniforms, trained by the
 * exact gradient of the objectives. It sees the class of an image in its id ("joy-17") and nothing else.
 */
import { Context, Effect, FileSystem, Layer, Option, Result, Schema, Stream } from "effect"
import { dirname } from "node:path"
import type { Sample } from "../../src/dsl/Task.ts"
import * as Task from "../../src/dsl/Task.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import * as Keyed from "../../src/kernels/math/Keyed.ts"
import { Safetensors } from "../../src/kernels/weights/index.ts"
import {
  type Completion,
  type Objective,
  Policy,
  PolicyError,
  type Prompt,
  type Snapshot
} from "../../src/policy/Policy.ts"

export const labels = ["joy", "anger", "fear"] as const
export type Label = typeof labels[number]

export const Mood = Task.make<Label>({
  name: "mood",
  annotation: Schema.Literals(labels),
  encode: (label) => label,
  decode: (text) => {
    const found = labels.find((label) => label === text.trim())
    return found === undefined ? Result.fail(Task.formatReason("not-a-label", text)) : Result.succeed(found)
  },
  prompts: {
    reason: (label) => `Why is this ${label}?`,
    reconstruct: (reasoning) => `Which mood, given: ${reasoning}`,
    annotate: "Think, then name the mood.",
    answerOnly: "Name the mood."
  },
  similarity: (truth, predicted) => truth === predicted ? 1 : 0.2,
  metrics: [{
    name: "error",
    direction: "lower",
    of: (truth, predicted) => predicted._tag === "Some" && predicted.value === truth ? 0 : 1
  }]
})

/** The faces that a chain names, by what it says of the picture. */
export const cuesNamed = (text: string): ReadonlyArray<string> =>
  /festive/.test(text) ? ["joy face"] : /dark/.test(text) ? ["anger face"] : /scared/.test(text) ? ["fear face"] : []

export const data = (count: number): Stream.Stream<Sample<Label>> =>
  Stream.range(0, count - 1).pipe(Stream.map((i) => {
    const truth = labels[i % 3]!
    return {
      image: Image.rendered(
        `${truth}-${i}`,
        () => ({ width: 8, height: 8, data: new Uint8Array(192).fill(85 * (i % 3)) })
      ),
      truth,
      part: i % 2 === 0 ? "seen" : "unseen",
      cues: [`${truth} face`]
    }
  }))

/**
 * What it may write. The hint in a chain is the mood in other words; the fourth chain leaks, the fifth is no narrative.
 */
const hints = ["bright festive smile", "dark angry frown", "wide scared eyes"]
const chains = [...hints.map((hint) => `we can see a ${hint} here`), "they rated it 100 percent for sure", "no idea"]
const answers = [...labels, "potato"]
export const thinkAnswers = chains.slice(0, 3).flatMap((chain) =>
  answers.map((answer) => `<think>${chain}</think><answer>${answer}</answer>`)
)

/** One table per kind of prompt: rows are what the policy can tell apart, columns are texts. */
const tables = [
  { kind: "reason", rows: 3, texts: chains },
  { kind: "reconstruct", rows: 4, texts: answers },
  { kind: "annotate", rows: 3, texts: [...thinkAnswers, "hm"] },
  { kind: "answer", rows: 3, texts: answers }
] as const
const offsets = tables.map((_, i) => tables.slice(0, i).reduce((sum, { rows, texts }) => sum + rows * texts.length, 0))
const size = tables.reduce((sum, { rows, texts }) => sum + rows * texts.length, 0)

const locate = (prompt: Prompt) => {
  const row = labels.findIndex((label) => prompt.images[0]?.id.startsWith(label))
  const kind = prompt.text.startsWith("Why")
    ? 0
    : prompt.text.startsWith("Which")
    ? 1
    : prompt.text.startsWith("Think")
    ? 2
    : 3
  const hint = hints.findIndex((words) => prompt.text.includes(words))
  const { texts } = tables[kind]!
  return { texts, at: offsets[kind]! + (kind === 1 ? (hint < 0 ? 3 : hint) : row) * texts.length }
}

const distribution = (weights: Float32Array, prompt: Prompt, temperature = 1) => {
  const { at, texts } = locate(prompt)
  const logits = Array.from(weights.subarray(at, at + texts.length), (x) => x / Math.max(temperature, 1e-3))
  const most = Math.max(...logits)
  const masses = logits.map((x) => Math.exp(x - most))
  const total = masses.reduce((a, b) => a + b, 0)
  return { at, texts, p: masses.map((m) => m / total) }
}

/** A word is a token. */
const tokens = (text: string) => Int32Array.from(text.split(" "), (word) => word.length)

export interface TraceShape {
  open: number
  sessions: number
  updates: Array<{ readonly tag: Objective["_tag"]; readonly size: number }>
  readonly keys: Array<string>
  readonly batches: Array<number>
  begun: number
  ended: number
}
export class Trace extends Context.Service<Trace, TraceShape>()("test/Trace") {
  static readonly layer = Layer.sync(
    this,
    () => ({ open: 0, sessions: 0, updates: [], keys: [], batches: [], begun: 0, ended: 0 })
  )
}

export interface Options {
  readonly seed?: number
  /** Initial logit bonus of texts, by text. */
  readonly bias?: Readonly<Record<string, number>>
  /** Runs before every update: to fail or to be interrupted there. */
  readonly beforeUpdate?: (updates: number) => Effect.Effect<void, PolicyError>
  /** What it says it cannot do. */
  readonly unable?: Policy["Service"]["unable"]
}

/** What its snapshots hold: nobody else can look into them. */
const held = new WeakMap<Snapshot, Float32Array>()

/**
 * The one file of a checkpoint. Plain gradient descent has no moments and the stub no reference: weights are all there
 * is.
 */
export const stateFile = "state.safetensors"

const failing =
  (operation: PolicyError["operation"]) => <A, R>(effect: Effect.Effect<A, { readonly message: string }, R>) =>
    Effect.mapError(
      effect,
      (cause) => cause instanceof PolicyError ? cause : new PolicyError({ operation, reason: cause.message, cause })
    )

export const layer = (options: Options = {}): Layer.Layer<Policy, never, Trace | FileSystem.FileSystem> =>
  Layer.effect(
    Policy,
    Effect.gen(function*() {
      const trace = yield* Trace
      const fs = yield* FileSystem.FileSystem
      const weights = new Float32Array(size)
      for (const [i, { rows, texts }] of tables.entries()) {
        for (let row = 0; row < rows; row++) {
          for (const [j, text] of texts.entries()) {
            weights[offsets[i]! + row * texts.length + j] = options.bias?.[text] ?? 0
          }
        }
      }
      let version = 0
      const written = (directory: string, data: Float32Array) =>
        fs.makeDirectory(directory, { recursive: true }).pipe(
          Effect.andThen(Safetensors.write(`${directory}/${stateFile}`, [{ name: "weights", shape: [size], data }])),
          Effect.provideService(FileSystem.FileSystem, fs)
        )
      const read = (directory: string) =>
        Safetensors.readHeader(`${directory}/${stateFile}`).pipe(
          Effect.flatMap((header) => Safetensors.readFloat32(header, "weights", new Float32Array(size))),
          Effect.provideService(FileSystem.FileSystem, fs)
        )
      const closed = (operation: PolicyError["operation"]) =>
        Effect.suspend(() =>
          trace.open === 0 ? Effect.void : Effect.fail(
            new PolicyError({ operation, reason: `${trace.open} sessions are open` })
          )
        )
      const pushUp = (gradient: Float32Array, prompt: Prompt, text: string, scale: number, temperature?: number) => {
        const { at, p, texts } = distribution(weights, prompt, temperature)
        const chosen = (texts as ReadonlyArray<string>).indexOf(text)
        if (chosen < 0) return 0
        for (let j = 0; j < texts.length; j++) gradient[at + j]! += scale * ((j === chosen ? 1 : 0) - p[j]!)
        return Math.log(p[chosen]!)
      }
      return Policy.of({
        session: Effect.acquireRelease(
          Effect.sync(() => {
            trace.open++
            trace.sessions++
            const pinned = weights.slice()
            return {
              version,
              sample: (requests, { count, temperature = 1 }) =>
                Effect.gen(function*() {
                  yield* Effect.yieldNow
                  trace.batches.push(requests.length)
                  return requests.map(({ key, prompt }) => {
                    trace.keys.push(key)
                    const { p, texts } = distribution(pinned, prompt, temperature)
                    const draws = Keyed.uniforms(options.seed ?? 0, key, new Float32Array(count))
                    return Array.from(draws, (u): Completion => {
                      let mass = 0
                      const found = p.findIndex((q) => (mass += q) > u)
                      const chosen = temperature === 0 ? p.indexOf(Math.max(...p)) : found < 0 ? p.length - 1 : found
                      const text = texts[chosen]!
                      return {
                        text,
                        tokens: tokens(text),
                        logprobs: Float32Array.of(Math.log(p[chosen]!)),
                        finish: "stop"
                      }
                    })
                  })
                }),
              logprobs: (items) => Effect.succeed(items.map(() => new Float32Array(1)))
            }
          }),
          () =>
            Effect.sync(() => {
              trace.open--
            })
        ),
        beginStage: Effect.andThen(
          closed("update"),
          Effect.sync(() => {
            trace.begun++
          })
        ),
        endStage: Effect.andThen(
          closed("update"),
          Effect.sync(() => {
            trace.ended++
          })
        ),
        update: Effect.fnUntraced(function*(objective, { learningRate }) {
          if (options.beforeUpdate !== undefined) yield* options.beforeUpdate(trace.updates.length)
          yield* closed("update")
          const gradient = new Float32Array(size)
          let loss = 0
          const items = objective._tag === "Supervised" ? objective.examples.length : objective.rollouts.length
          if (objective._tag === "Supervised") {
            for (const { prompt, target } of objective.examples) {
              loss -= pushUp(gradient, prompt, target.map(({ text }) => text).join(""), 1 / items) / items
            }
          } else {
            for (const { advantage, completion, prompt, temperature } of objective.rollouts) {
              pushUp(gradient, prompt, completion.text, advantage / items, temperature)
            }
          }
          for (let i = 0; i < size; i++) weights[i]! += learningRate * gradient[i]!
          trace.updates.push({ tag: objective._tag, size: items })
          version++
          const gradNorm = Math.hypot(...gradient)
          return { version, loss, gradNorm, kl: 0, clipFraction: 0, tokens: items }
        }),
        snapshot: Effect.sync(() => {
          const snapshot: Snapshot = { version }
          held.set(snapshot, weights.slice())
          return snapshot
        }),
        revert: Effect.fnUntraced(function*(snapshot) {
          yield* closed("restore")
          const kept = held.get(snapshot)
          if (kept === undefined) {
            return yield* new PolicyError({ operation: "restore", reason: "the snapshot is of another engine" })
          }
          weights.set(kept)
          version++
        }),
        saveSnapshot: (snapshot, directory) =>
          written(directory, held.get(snapshot) ?? new Float32Array(0)).pipe(failing("checkpoint")),
        loadSnapshot: (directory) =>
          Effect.map(read(directory), (weights) => {
            const snapshot: Snapshot = { version }
            held.set(snapshot, weights)
            return snapshot
          }).pipe(failing("restore")),
        checkpoint: (directory) => written(directory, weights).pipe(failing("checkpoint")),
        restore: (directory) =>
          Effect.gen(function*() {
            yield* closed("restore")
            weights.set(yield* read(directory))
            version++
          }).pipe(failing("restore")),
        save: (directory) =>
          // Like the real one it refuses a directory that exists.
          fs.makeDirectory(dirname(directory), { recursive: true }).pipe(
            Effect.andThen(fs.makeDirectory(directory)),
            Effect.andThen(fs.writeFile(`${directory}/weights.f32`, new Uint8Array(weights.buffer.slice(0)))),
            Effect.mapError((cause) => new PolicyError({ operation: "save", reason: directory, cause }))
          ),
        identity: { engine: "stub" },
        ...(options.unable !== undefined && { unable: options.unable }),
        tokenizer: Option.some({ encode: tokens, vocabularySize: 64, endOfTurn: 0, specials: new Set<number>() })
      })
    })
  )
