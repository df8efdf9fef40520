/**
 * Where graphs can run: the CPU always, a GPU where onnxruntime really makes a session on it.
 *
 * Looking is done in a process of its own: a driver that crashes must not take this one along.
 *
 * @module
 */
import { Effect, Schema } from "effect"
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { built, entry } from "./Built.ts"

/** Schema of a device: "cpu", "webgpu" or "cuda". */
export const Device = Schema.Literals(["cpu", "webgpu", "cuda"])
/** "cpu", "webgpu" or "cuda". */
export type Device = typeof Device.Type

/** A device as it was found: usable, or why not and what to do about it. */
export interface Finding {
  readonly device: Device
  /** Absent where the device can be used. */
  readonly missing?: string
}

/** A device was asked for that this machine has not. */
export class DeviceError extends Schema.TaggedError<DeviceError>()("DeviceError", {
  /** The device that was asked for. */
  device: Device,
  /** What is missing, and how to get it. */
  reason: Schema.String,
  /** The devices that this machine has. */
  available: Schema.Array(Device)
}) {
  override get message() {
    return `device ${this.device} is not available on this machine: ${this.reason}. Available: ${
      this.available.join(", ")
    }`
  }
}

/** What the probe prints. */
const Verdict = Schema.fromJsonString(Schema.Struct({ reason: Schema.NullOr(Schema.String) }))

const PROBE_MILLIS = 60_000

/** Runs a tiny model on a provider in another process; the reason it could not, if it could not. */
const probe = (device: Device): Effect.Effect<string | undefined> =>
  Effect.callback<string>((resume) => {
    const child = execFile(
      process.execPath,
      [fileURLToPath(entry("probe")), device],
      { timeout: PROBE_MILLIS },
      (failure, stdout) => {
        const ended = failure === null
          ? ""
          : failure.killed === true
          ? "it did not answer within a minute"
          : `its process ended with ${failure.signal ?? failure.code}`
        resume(
          Effect.succeed(
            stdout.trim() === "" ? JSON.stringify({ reason: ended || "its process said nothing" }) : stdout
          )
        )
      }
    )
    return Effect.sync(() => {
      child.kill()
    })
  }).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Verdict)),
    Effect.match({
      onFailure: () => "its process said nothing that can be read",
      onSuccess: ({ reason }) => reason ?? undefined
    })
  )

/** The folder of onnxruntime's libraries for this platform. */
export const libraryFolder = (): string =>
  join(
    dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json")),
    "bin/napi-v6",
    process.platform,
    process.arch
  )

/** What the CUDA provider cannot do without; the package does not bring them. */
export const cudaLibraries = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"] as const

/** What brings them, from a clone or from a project that has installed the package. */
const setup = built ? "npm explore rise-vlm -- npm run setup:cuda" : "npm run setup:cuda"

const look = (device: Device): Effect.Effect<Finding> =>
  Effect.gen(function*() {
    if (device === "cpu") return { device }
    if (device === "cuda") {
      if (process.platform !== "linux" || process.arch !== "x64") {
        return {
          device,
          missing: `CUDA is supported on linux x64, this is ${process.platform} ${process.arch}; webgpu may work`
        }
      }
      const absent = cudaLibraries.filter((name) => !existsSync(join(libraryFolder(), name)))
      if (absent.length > 0) return { device, missing: `${absent.join(" and ")} are not installed: run "${setup}"` }
    }
    const reason = yield* probe(device)
    if (reason === undefined) return { device }
    const advice = device === "cuda"
      ? "it needs an NVIDIA driver, CUDA 12 and cuDNN 9 on the library path"
      : "it needs a GPU and its driver for Vulkan, Metal or Direct3D 12"
    return { device, missing: `${reason}; ${advice}` }
  })

/** Every device, with what is missing where something is. Takes a second or two: drivers are loaded. */
export const survey: Effect.Effect<ReadonlyArray<Finding>> = Effect.forEach(Device.literals, look, {
  concurrency: "unbounded"
})

/** The devices that can be used on this machine. */
export const available: Effect.Effect<ReadonlyArray<Device>> = Effect.map(
  survey,
  (findings) => findings.filter(({ missing }) => missing === undefined).map(({ device }) => device)
)

/** Fails where the device cannot be used, with the reason and the devices that can. Nothing is probed for the CPU. */
export const check = (device: Device): Effect.Effect<void, DeviceError> =>
  Effect.gen(function*() {
    const { missing } = yield* look(device)
    if (missing !== undefined) return yield* new DeviceError({ device, reason: missing, available: yield* available })
  })
