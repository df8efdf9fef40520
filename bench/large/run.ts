/**
 * What a large checkpoint costs on this machine: `node bench/large/run.ts --model DIR [--mode rollout|lora] [--quantize
 * int4] [--device webgpu]`.
 *
 * Loads it, samples a group (a 448 × 448 image) and, with `--mode lora`, takes a GRPO step and a step of SFT on an
 * adapter of rank 16. Says on standard error what each part took as soon as it is known, and prints one JSON object at
 * the end: seconds of each part, and what the process held at most. Every run is a process of its own, so that its peak
 * is its own. The first run with a precision also writes the cache's file; run it again for the time of loading alone.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Layer, Logger, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { Config, VisionLayout } from "../../src/kernels/models/index.ts"
import { Device, Runtime } from "../../src/kernels/runtime/index.ts"
import { peakBytes } from "../../src/kernels/runtime/peak.ts"
import { MemoryPlan, Objective, OnnxPolicy, Policy } from "../../src/policy/index.ts"
import { learn } from "../harness/Learn.ts"
import { machine } from "../harness/Machine.ts"
import { GROUP, NEW_TOKENS, promptOf, RANK, SIDE } from "./request.ts"

const prompt = promptOf("large")

/** Bytes in memory now, by kind; of all of them together, the most there have been. */
const held = () => {
  const status = process.platform === "linux" ? readFileSync("/proc/self/status", "utf8") : ""
  const of = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? Number.NaN) / 2 ** 20
  const gib = (n: number) => Number(n.toFixed(2))
  return {
    own: gib(of("RssAnon") + of("RssShmem")),
    mapped: gib(of("RssFile")),
    peak: gib(peakBytes() / 2 ** 30)
  }
}

const positive = (name: string, description: string, otherwise: number) =>
  Flag.Int(name).pipe(Flag.withDescription(description), Flag.withDefault(otherwise))

const command = Command.make(
  "large",
  {
    model: Flag.String("model").pipe(Flag.withDescription("A Hugging Face directory")),
    mode: Flag.Literals("mode", ["rollout", "lora"]).pipe(Flag.withDefault("rollout" as const)),
    quantize: Flag.Literals("quantize", ["int8", "int4"]).pipe(Flag.optional),
    recompute: Flag.Boolean("recompute").pipe(Flag.withDefault(false)),
    workers: positive("workers", "Worker threads", 1),
    group: positive("group", "Candidates, G", GROUP),
    newTokens: positive("new-tokens", "Tokens of each", NEW_TOKENS),
    device: Flag.Literals("device", Device.Device.literals).pipe(Flag.withDefault("cpu" as const)),
    cache: Flag.String("cache").pipe(Flag.withDescription("Default: RISE_CACHE, or the system's folder"), Flag.optional)
  },
  Effect.fn(function*({ cache, device, group: count, mode, model, newTokens, quantize, recompute, workers }) {
    const threads = Math.max(1, Math.floor(availableParallelism() / workers))
    const parts: Record<string, unknown> = {}
    const timed = <A, E, R>(name: string, effect: Effect.Effect<A, E, R>) =>
      Effect.gen(function*() {
        const start = performance.now()
        const value = yield* effect
        const figures = { seconds: Number(((performance.now() - start) / 1000).toFixed(2)), gib: held() }
        parts[name] = figures
        yield* Console.error(`${name}: ${figures.seconds} s, ${figures.gib.peak} GiB at most`)
        return value
      })
    const options = {
      ...(mode === "lora" ? { lora: { rank: RANK } } : { trainable: "none" as const }),
      ...(Option.isSome(quantize) && { quantize: quantize.value }),
      recompute
    }
    const work = Effect.gen(function*() {
      const policy = yield* Policy
      const sampled = (key: string) =>
        Effect.scoped(
          Effect.flatMap(
            policy.session,
            (session) => session.sample([{ prompt, key }], { count, maxTokens: newTokens })
          )
        )
      // The first brings the image through the tower and opens the session.
      yield* timed("first group", sampled("first"))
      const [group = []] = yield* timed("group", sampled("second"))
      const tokens = group.reduce((n, completion) => n + completion.tokens.length, 0)
      yield* Console.error(`${tokens} tokens in it`)
      if (mode === "lora") {
        yield* policy.beginStage
        const rollouts = group.map((completion, g) => ({ prompt, completion, advantage: g % 2 - 0.5 }))
        const step = policy.update(
          learn(rollouts, newTokens),
          { learningRate: 1e-5 }
        )
        yield* timed("first step", step)
        const { gradNorm, loss } = yield* timed("step", step)
        parts["gradient norm"] = gradNorm
        parts["loss"] = loss
        const examples = group.map(({ text }) => ({ prompt, target: [{ text, weight: 1 }] }))
        const supervised = policy.update(Objective.Supervised({ examples }), { learningRate: 1e-5 })
        yield* timed("first step of SFT", supervised)
        yield* timed("step of SFT", supervised)
      }
      return { tokens, promptTokens: Option.getOrThrow(policy.tokenizer).encode(prompt.text).length }
    })
    const layer = OnnxPolicy.layer({ model, seed: 1, ...options, ...(Option.isSome(cache) && { cache: cache.value }) })
    const { promptTokens, tokens } = yield* Effect.scoped(Effect.gen(function*() {
      const services = yield* timed(
        "load",
        Layer.build(layer.pipe(Layer.provide(Runtime.layer({ device, workers, threadsPerWorker: threads }))))
      )
      return yield* Effect.provide(work, services)
    }))
    const config = yield* Config.fromJson(JSON.parse(readFileSync(`${model}/config.json`, "utf8")))
    const grid = SIDE / config.vision.patch
    const visualTokens =
      VisionLayout.tokenRows(config.vision, VisionLayout.shapeFor(config.vision, [[1, grid, grid]]), [[1, grid, grid]])
        .length
    // The chat template adds about twenty tokens.
    const plan = yield* MemoryPlan.estimate(config, {
      ...options,
      promptTokens: visualTokens + promptTokens + 20,
      visualTokens,
      newTokens,
      prompts: 1,
      group: count,
      workers
    })
    const planned = Object.fromEntries(
      Object.entries(plan).map(([name, bytes]) => [name, Number((bytes / 2 ** 30).toFixed(2))])
    )
    yield* Console.log(
      JSON.stringify({
        device,
        mode,
        group: count,
        newTokens,
        quantize: Option.getOrNull(quantize),
        workers,
        threads,
        tokens,
        parts,
        peakGiB: held().peak,
        planned,
        machine: machine()
      })
    )
  })
)

command.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provideService(Logger.LogToStderr, true),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
