/**
 * `lora/group` and `lora/step`: a model as wide as Qwen2-VL-2B, with 6 of its layers and 6 of its tower's, and an
 * adapter of rank 16: a group of texts on a picture of 448 × 448, and a GRPO step on one.
 *
 * The first run writes the checkpoint, 1.4 GB, and 2.7 GB that its sessions map: into RISE_BENCH_CACHE, or a temporary
 * folder that goes with the run. RISE_BENCH_LAYERS=28,32 measures the whole of Qwen2-VL-2B instead, three rounds
 * against one peer, RISE_BENCH_PRECISION=float32 or bfloat16: two of them and ours do not fit 24 GiB together.
 * RISE_BENCH_QUANTIZE=int8 or int4 rounds our frozen weights, and no peer's.
 */
import { Effect, type Option, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Lora } from "../src/kernels/train/index.ts"
import { type Bench, BenchError, type Contestant, fastest } from "./harness/Contest.ts"
import * as Inputs from "./harness/Inputs.ts"
import { agree, node } from "./harness/Own.ts"
import { python } from "./harness/Peer.ts"
import { withWorkload } from "./harness/Workload.ts"
import { asked, type Precision } from "./large/asked.ts"
import { GROUP, NEW_TOKENS, promptOf, RANK, SIDE } from "./large/request.ts"

const { layers: LAYERS, precision, quantize, visionLayers: VISION_LAYERS, whole } = asked(process.env)

/** A folder of this process alone, made when it is first asked for. */
let temporary: string | undefined

/** Where the checkpoint and what is made of it lie: one folder for both benches and all who take part. */
const folder = Effect.sync(() => {
  const kept = process.env["RISE_BENCH_CACHE"]
  if (kept !== undefined) {
    mkdirSync(kept, { recursive: true })
    return kept
  }
  if (temporary === undefined) {
    const made = mkdtempSync(join(tmpdir(), "rise-bench-"))
    process.once("exit", () => rmSync(made, { recursive: true, force: true }))
    temporary = made
  }
  return temporary
})

/** The checkpoint, written where it is not there yet. */
const checkpoint = (folder: string) =>
  Effect.gen(function*() {
    const model = join(folder, `qwen2-vl-2b-${LAYERS}-${VISION_LAYERS}`)
    if (existsSync(model)) return model
    const program = fileURLToPath(new URL("./large/checkpoint.ts", import.meta.url))
    const layers = ["--layers", String(LAYERS), "--vision-layers", String(VISION_LAYERS)]
    const code = yield* Effect.promise(async () => {
      const child = spawn(process.execPath, [program, model, ...layers], { stdio: ["ignore", "ignore", "inherit"] })
      const [code] = await once(child, "exit")
      return code
    })
    return code === 0 ? model : yield* Effect.fail(new BenchError(`no checkpoint: checkpoint.ts ended with ${code}`))
  })

type Mode = "group" | "step"
const prompt = promptOf("picture")

const ours = (mode: Mode) =>
  Effect.gen(function*() {
    const cache = yield* folder
    const model = yield* checkpoint(cache)
    const cores = availableParallelism()
    const workers = [...new Set([1, cores])].filter((workers) => GROUP % workers === 0)
    return yield* fastest(
      workers.map((workers) => node("large/contestant.ts", [model, cache, mode, String(workers), quantize]))
    )
  })

const peer = (mode: Mode, precision: Precision): Effect.Effect<
  Option.Option<Contestant>,
  unknown,
  Scope.Scope
> =>
  Effect.gen(function*() {
    const model = yield* checkpoint(yield* folder)
    const [inputs] = yield* Inputs.of(model, [prompt])
    const workload = { model, inputs, group: GROUP, newTokens: NEW_TOKENS, rank: RANK, targets: Lora.decoderTargets }
    const found = yield* withWorkload(workload, (path) => python("lora.py", [path, mode, precision]))
    return yield* agree(`lora/${mode}`, yield* Inputs.sizes(model, prompt, { rank: RANK }), found)
  })

const bench = (mode: Mode, what: string): Bench => ({
  name: `lora/${mode}`,
  shape:
    `${what}, ${SIDE} × ${SIDE} picture, ${GROUP} × ${NEW_TOKENS} tokens, LoRA r = ${RANK} on the decoder, width ` +
    `of Qwen2-VL-2B, ${LAYERS} + ${VISION_LAYERS} layers${
      quantize === "none" ? "" : `, our frozen weights ${quantize}`
    }`,
  unit: "ms",
  amount: 1,
  rounds: whole ? 3 : 5,
  long: true,
  ours: ours(mode),
  peer: peer(mode, whole ? precision : "float32"),
  others: whole ? [] : [peer(mode, "bfloat16")]
})

export const benches: ReadonlyArray<Bench> = [
  bench("group", "tower, prefill and drawn texts"),
  bench("step", "GRPO step on a drawn group")
]
