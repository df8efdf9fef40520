/** Sampling: prompts in, groups of completions out, in rectangular batches spread over the workers. */
import { Effect } from "effect"
import { ownShape, rollout } from "../../kernels/generate/index.ts"
import { OnnxWriter } from "../../kernels/graph/index.ts"
import type { Image } from "../../kernels/image/Image.ts"
import * as Keyed from "../../kernels/math/Keyed.ts"
import { Config, Rope } from "../../kernels/models/index.ts"
import type { HostTensor } from "../../kernels/runtime/index.ts"
import type { EncodedPrompt } from "../chat/Encoder.ts"
import { failing } from "../failing.ts"
import * as NotFinite from "../NotFinite.ts"
import type { Completion, SampleOptions, SampleRequest } from "../Policy.ts"
import * as Requests from "../Requests.ts"
import { type PolicyContext, withFeatures } from "./Context.ts"
import * as DecodingWeights from "./DecodingWeights.ts"
import type { Features } from "./Features.ts"
import * as GrammarTables from "./GrammarTables.ts"
import { layOut } from "./PackedSequences.ts"
import { roundUp } from "./roundUp.ts"
import * as StepDecode from "./StepDecode.ts"

interface Item {
  readonly request: SampleRequest
  readonly prompt: EncodedPrompt
  readonly index: number
  /** Its first candidate: a group may be dealt to several workers. */
  readonly first: number
}

/**
 * One completion per row from the token and log-probability columns of a run.
 *
 * @param of names it in the error for a draw that means nothing
 */
const readRow = (
  context: PolicyContext,
  tokens: Int32Array,
  logprobs: Float32Array,
  row: number,
  rows: number,
  constraint: GrammarTables.Constraint,
  of: string
): Effect.Effect<Completion, NotFinite.NotFinite> => {
  const { ends, tokenizer } = context.model
  const turns = tokens.length / rows
  let length = 0
  let stopped = false
  while (length < turns && !stopped) stopped = ends.includes(tokens[length++ * rows + row] ?? -1)
  const own = Int32Array.from({ length }, (_, t) => tokens[t * rows + row] ?? 0)
  const ownLogprobs = Float32Array.from({ length }, (_, t) => logprobs[t * rows + row] ?? 0)
  const steps = GrammarTables.drawn(constraint, ends, own)
  const odd = NotFinite.inDraw(ownLogprobs, steps)
  if (odd !== undefined) {
    return Effect.fail(new NotFinite.NotFinite({ what: `at step ${odd.step} of ${of} ${odd.why}` }))
  }
  return Effect.succeed({
    text: tokenizer.decode(stopped ? own.subarray(0, length - 1) : own, { skipSpecial: false }).trim(),
    tokens: own,
    logprobs: ownLogprobs,
    finish: stopped && !steps.some(({ pressed }) => pressed) ? "stop" : "length"
  })
}

/** Runs one rectangular batch of at most `prompts` prompts on one worker, fed from memory that is lent to it. */
const runBatch = Effect.fnUntraced(function*(
  context: PolicyContext,
  memory: HostTensor.Shared,
  items: ReadonlyArray<Item>,
  features: ReadonlyMap<Image, Features>,
  options: SampleOptions,
  prompts: number,
  worker: number
) {
  const { model, seed } = context
  const { config } = model
  const [endOfTurn = -1, ...otherEnds] = model.ends
  const { count, grammar, maxTokens, temperature = 1, topP = 1 } = options
  const rows = prompts * count
  const length = roundUp(Math.max(...items.map(({ prompt }) => prompt.tokens.length)), 16)
  const visualTokens = items.reduce(
    (n, { prompt }) => n + prompt.tokens.filter((t) => t === config.imageToken).length,
    0
  )
  // In few sizes: each is a graph of its own, and pictures of many shapes would make many.
  const visualRows = visualTokens === 0 ? 0 : roundUp(visualTokens * prompts / items.length, 64)
  const newTokens = roundUp(maxTokens, 8)
  const positionLimit = length + newTokens + 1
  const sampling = { greedy: temperature === 0, nucleus: topP < 1 && temperature !== 0 }
  const shape = {
    prompts,
    group: count,
    length,
    newTokens,
    visualRows,
    positions: positionLimit,
    endOfTurn,
    otherEnds,
    sampling,
    grammarStates: grammar?.states
  }

  const batch = layOut(
    config,
    context.positions,
    items.map(({ prompt, request }) => (
      { prompt, images: request.prompt.images, candidates: [] }
    )),
    { batch: prompts, length, rows: 1, visualRows },
    undefined,
    memory
  )
  const visualWidth = Config.visualWidth(config)
  const visual = memory.float32(visualRows * visualWidth)
  let at = 0
  for (const image of batch.images) {
    const own = features.get(image)?.features
    if (own === undefined) continue
    visual.set(own, at)
    at += own.length
  }

  // Every candidate draws from its own stream; the requested limit masks the rest of a rounded-up loop.
  const uniforms = memory.float32(newTokens * rows)
  const finished = memory.int32(rows)
  const startPosition = memory.int64(rows)
  const lastRow = memory.int32(prompts)
  const column = new Float32Array(newTokens)
  for (let b = 0; b < prompts; b++) {
    const item = items[b]
    lastRow[b] = b * length + (item?.prompt.tokens.length ?? 1) - 1
    const next = item === undefined ? 0 : nextPosition(context, item.prompt)
    for (let g = 0; g < count; g++) {
      const row = b * count + g
      startPosition[row] = BigInt(next)
      if (item === undefined) finished[row] = 1
      else if (!sampling.greedy) {
        Keyed.uniforms(seed, `${item.request.key}/candidate=${item.first + g}`, column)
        for (let t = 0; t < newTokens; t++) uniforms[t * rows + row] = column[t]!
      }
    }
  }
  const table = context.positions.upTo(positionLimit)
  const half = config.headWidth / 2
  const f32 = (data: Float32Array, ...dims: ReadonlyArray<number>): HostTensor.HostTensor => ({
    dtype: "float32",
    dims,
    data
  })
  const bound = {
    ...(grammar && GrammarTables.tables(grammar, model.ends)),
    tableCosines: f32(table.cosines.subarray(0, positionLimit * half), positionLimit, half),
    tableSines: f32(table.sines.subarray(0, positionLimit * half), positionLimit, half),
    emptyCache: f32(new Float32Array(0), ...ownShape(config, shape, 0)),
    grammarState: { dtype: "int32" as const, dims: [rows], data: new Int32Array(rows) }
  }
  const feeds: Readonly<Record<string, HostTensor.HostTensor>> = {
    ...batch.tensors,
    ...(grammar && GrammarTables.budget(grammar, model.ends, maxTokens)),
    visual: f32(visual, visualRows, visualWidth),
    uniforms: f32(uniforms, newTokens, rows),
    finished: { dtype: "int32", dims: [rows], data: finished },
    startPosition: { dtype: "int64", dims: [rows, 1], data: startPosition },
    lastRow: { dtype: "int32", dims: [prompts], data: lastRow },
    temperature: f32(Float32Array.of(temperature), ...[]),
    topP: f32(Float32Array.of(topP), ...[])
  }
  const key = `${JSON.stringify(shape)} ${grammar?.id ?? ""}`
  const { initializers, key: form, ...storage } = DecodingWeights.of(context, maxTokens)
  const drawn = (row: number, at: number, token: number, logprob: number) => {
    const item = items[Math.floor(row / count)]
    if (at < maxTokens) item?.request.listen?.({ candidate: item.first + row % count, at, token, logprob })
  }
  const out = stepwise(context, items)
    ? yield* StepDecode.run(context, { key, shape, worker, bound, feeds, uniforms, startPosition, finished, drawn })
    : yield* context.sessions.of({
      key: `rollout ${key}${form}`,
      worker,
      program: () => OnnxWriter.write(rollout(config, context.parameters(), shape), { initializers }),
      ...storage,
      bound: { ...context.weights, ...bound }
    }).run(feeds)
  const tokens = out["sampled"]?.data as Int32Array
  const logprobs = out["sampledLogprobs"]?.data as Float32Array
  const turns = Math.min(maxTokens, tokens.length / rows)
  return yield* Effect.forEach(
    items,
    ({ first, index, prompt, request }, b) =>
      Effect.forEach(Array.from({ length: count }, (_, g) => g), (g) => {
        const of = `sample "${request.key}", candidate ${first + g},`
        return readRow(context, tokens.subarray(0, turns * rows), logprobs, b * count + g, rows, options, of)
      }).pipe(Effect.map((drawn) => ({
        index,
        first,
        completions: drawn.map((completion) => ({ ...completion, promptTokens: prompt.tokens.length }))
      })))
  )
})

/** Whether a rollout is decoded one token a run: its tokens are told as they come only there. */
const stepwise = ({ decode }: PolicyContext, items: ReadonlyArray<Pick<Item, "request">>): boolean =>
  decode === "step" || items.some(({ request }) => request.listen !== undefined)

/** Position of the first new token. */
const nextPosition = ({ model: { config } }: PolicyContext, { grids, tokens }: EncodedPrompt): number =>
  Rope.mropePositions(tokens, config.imageToken, config.vision.merge, grids).next

/**
 * How groups are dealt: cut into how many parts, of how many candidates, and how many prompts a worker decodes at a
 * time.
 */
export const batchOf = (
  prompts: number,
  group: number,
  { rolloutRows, workers }: { readonly rolloutRows: number; readonly workers: number }
): { readonly parts: number; readonly count: number; readonly prompts: number } => {
  const most = Math.max(1, Math.floor(workers / prompts))
  const parts = Array.from({ length: most }, (_, i) => most - i).find((n) => group % n === 0) ?? 1
  const count = group / parts
  const share = Math.ceil(prompts * parts / workers)
  return { parts, count, prompts: Math.max(1, Math.min(share, Math.floor(rolloutRows / count))) }
}

/** Samples `count` completions for each request, in order. */
export const sample = Effect.fn("Policy.sample")(function*(
  context: PolicyContext,
  requests: ReadonlyArray<SampleRequest>,
  options: SampleOptions
) {
  yield* Requests.check("sample", Requests.sampling, options)
  yield* GrammarTables.checkBudget("sample", options, context.model.ends)
  if (requests.length === 0) return []
  const { encoded, features } = yield* withFeatures(
    context,
    requests.map(({ key, prompt }) => ({ key, prompt, following: options.maxTokens }))
  )
  // Fewer prompts than workers: each group is cut into equal parts, so that no worker idles.
  const { workers } = context.runtime
  const { count, parts, prompts } = batchOf(encoded.length, options.count, {
    rolloutRows: context.rolloutRows,
    workers
  })
  // Prompts of like length share a batch; the order of requests decides ties, so batches are always the same.
  const items = encoded.flatMap((prompt, index) =>
    Array.from(
      { length: parts },
      (_, part): Item => ({ prompt, index, first: part * count, request: requests[index] as SampleRequest })
    )
  ).sort((a, b) => a.prompt.tokens.length - b.prompt.tokens.length || a.index - b.index || a.first - b.first)
  const batches = Array.from(
    { length: Math.ceil(items.length / prompts) },
    (_, i) => items.slice(i * prompts, (i + 1) * prompts)
  )
  const results = yield* Effect.forEach(
    batches,
    (batch, i) =>
      context.memory.lend((memory) =>
        runBatch(context, memory, batch, features, { ...options, count }, prompts, i % workers)
      ),
    // Step by step, a batch holds its state while it waits for another's turn: no more of them than workers.
    { concurrency: stepwise(context, items) ? workers : "unbounded" }
  )
  const groups = encoded.map((): Array<Completion> => [])
  for (const { completions, index } of results.flat().sort((a, b) => a.index - b.index || a.first - b.first)) {
    groups[index]?.push(...completions)
  }
  return groups
}, (effect) => failing("sample")(effect))
