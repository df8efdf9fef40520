/**
 * The machine: Node, cores, memory, disk, and the native libraries that everything stands on.
 */
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { statfs } from "node:fs/promises"
import { availableParallelism, totalmem } from "node:os"
import { Device } from "../../kernels/runtime/index.ts"
import { oldest, tooOld } from "../nodeVersion.ts"
import { type Finding, note, ok, size, wrong } from "./Finding.ts"

/** What the smallest run needs (the smoke preset), and `npm run emotion6`. */
const leastMemory = 0.75 * 2 ** 30
const usualMemory = 2 * 2 ** 30
/** A run folder with a small model in it. */
const leastDisk = 200 * 2 ** 20
const usualDisk = 2 * 2 ** 30

const node = (): Finding => {
  const { node: version } = process.versions
  return tooOld(version) === undefined
    ? ok("Node", version)
    : wrong("Node", `${version} is too old`, `install ${oldest} or newer from https://nodejs.org`)
}

/** The share of the processors that a container is given, in cores; undefined where it is not limited. */
export const quotaOf = (cpuMax: string): number | undefined => {
  const [quota, period] = cpuMax.trim().split(" ").map(Number)
  return quota === undefined || period === undefined || !(quota > 0) || !(period > 0) ? undefined : quota / period
}

const quota: Effect.Effect<number | undefined> = Effect.try({
  try: () => quotaOf(readFileSync("/sys/fs/cgroup/cpu.max", "utf8")),
  catch: () => undefined
}).pipe(Effect.orElseSucceed(() => undefined))

const cores = (quota: number | undefined): Finding => {
  const seen = availableParallelism()
  return quota !== undefined && quota < seen
    ? note(
      "cores",
      `${seen}, but this container may use ${quota.toFixed(1)} of them`,
      `--workers ${Math.max(1, Math.floor(quota))}`
    )
    : ok("cores", String(seen))
}

/** Bytes that this process can have, under the limit of a container. */
export const memoryHere = (): { readonly free: number; readonly total: number } => {
  const limit = process.constrainedMemory()
  const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  return { free: Math.min(process.availableMemory(), total), total }
}

const memory = (): Finding => {
  const { free, total } = memoryHere()
  const text = `${size(free)} free of ${size(total)}`
  if (free < leastMemory) return wrong("memory", text, `close programs: the smallest run takes ${size(leastMemory)}`)
  return free < usualMemory
    ? note("memory", text, `--workers 1 takes least; npm run emotion6 takes ${size(usualMemory)} on two cores`)
    : ok("memory", text)
}

const disk: Effect.Effect<Finding> = Effect.tryPromise(() => statfs(process.cwd())).pipe(
  Effect.match({
    onFailure: () => note("disk", "the free space of this folder is unknown"),
    onSuccess: ({ bavail, bsize }) => {
      const free = bavail * bsize
      const text = `${size(free)} free here`
      if (free < leastDisk) return wrong("disk", text, "free some, or write elsewhere with --out DIR")
      return free < usualDisk
        ? note("disk", text, "a run keeps checkpoints of the model: --out DIR elsewhere")
        : ok("disk", text)
    }
  })
)

const reasonOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split("\n")[0] ?? ""

/** Loads a native library and tries it. */
const library = (name: string, attempt: () => Promise<string>): Effect.Effect<Finding> =>
  Effect.tryPromise({ try: attempt, catch: reasonOf }).pipe(
    Effect.match({
      onFailure: (reason) =>
        wrong(name, `does not load: ${reason}`, "remove node_modules and install again on this machine: npm ci"),
      onSuccess: (version) => ok(name, version)
    })
  )

const onnxruntime = library("onnxruntime", async () => {
  const { env } = await import("onnxruntime-node")
  return `${env.versions.node ?? env.versions.common} loads`
})

const sharp = library("sharp", async () => {
  const { default: sharp } = await import("sharp")
  const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } }).png().toBuffer()
  const { data } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
  if (data.join() !== "255,0,0,255,0,0,255,0,0,255,0,0") throw new Error("a red picture is read back in other colours")
  return `${sharp.versions.sharp ?? "?"} reads and writes pictures`
})

const devices: Effect.Effect<Finding> = Effect.map(Device.survey, (found) => {
  const usable = found.filter(({ missing }) => missing === undefined).map(({ device }) => device)
  const absent = found.flatMap(({ device, missing }) => missing === undefined ? [] : [`${device}: ${missing}`])
  return { about: "devices", state: "ok", text: [usable.join(", "), ...absent].join("; no ") }
})

/** All of it. The devices take a second or two: drivers are loaded. */
export const machine: Effect.Effect<ReadonlyArray<Finding>> = Effect.all([
  Effect.sync(node),
  Effect.map(quota, cores),
  Effect.sync(memory),
  disk,
  onnxruntime,
  sharp,
  devices
])
