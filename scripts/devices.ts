/**
 * Which devices this machine has, and what is missing where one is: `node scripts/devices.ts [DEVICE] [--test]`. Ends
 * with 1 where the device that is named is missing.
 *
 * `npm run test:webgpu` is `node scripts/devices.ts webgpu --test`: where no GPU answers, Mesa's software Vulkan device
 * (llvmpipe) is tried, and test/policy/onnx/Devices.test.ts runs on what was found.
 */
import { Console, Effect, FileSystem, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { readable, runMain } from "../src/cli/process.ts"
import { Device } from "../src/kernels/runtime/index.ts"
import { program, ScriptError } from "./program.ts"

/** Where Vulkan's loader finds its drivers on Linux. */
const driverFolders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"]

/** Mesa's driver that computes on the CPU, if it is installed. */
const softwareDriver = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  for (const folder of driverFolders) {
    const files = yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])
    const found = files.find((name) => name.startsWith("lvp_icd"))
    if (found !== undefined) return Option.some(join(folder, found))
  }
  return Option.none<string>()
})

const missingOf = (device: Device.Device) =>
  Effect.map(Device.survey, (found) => found.find((finding) => finding.device === device)?.missing)

/** What a machine without a usable driver is told. */
const advice = (driver: Option.Option<string>, why: string) =>
  [
    `webgpu: ${why}.`,
    Option.isSome(driver)
      ? `${driver.value} is installed and gives no adapter either: its Mesa may be too old. Mesa 25.0.7 is known to ` +
        "work, 22.3.6 is known not to."
      : `No software driver in ${driverFolders.join(", ")}: on Debian and Ubuntu "apt-get install libvulkan1 ` +
        "mesa-vulkan-drivers\" installs one (Mesa 25 or newer).",
    "A GPU needs its own driver for Vulkan and its loader (libvulkan1)."
  ].join("\n")

/** The environment in which webgpu answers. */
const webgpu = Effect.fnUntraced(function*(why: string) {
  const driver = yield* softwareDriver
  if (Option.isSome(driver) && process.env["VK_DRIVER_FILES"] === undefined) {
    // The loader reads it when a process starts: the probe has one of its own.
    process.env["VK_DRIVER_FILES"] = driver.value
    if ((yield* missingOf("webgpu")) === undefined) {
      yield* Console.log(`webgpu answers on ${driver.value}`)
      return { VK_DRIVER_FILES: driver.value }
    }
  }
  return yield* new ScriptError({ reason: advice(driver, why) })
})

const runTests = Effect.fnUntraced(function*(env: Readonly<Record<string, string>>) {
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs")
  const code = yield* program(vitest, ["run", "test/policy/onnx/Devices.test.ts"], env)
  if (code !== 0) return yield* new ScriptError({ reason: `the device's tests ended with ${code}` })
})

const devices = Effect.fnUntraced(function*(named: Option.Option<Device.Device>, test: boolean) {
  const found = yield* Device.survey
  for (const { device, missing } of found) {
    yield* Console.log(`${device}: ${missing === undefined ? "can be used" : missing}`)
  }
  const device = Option.getOrUndefined(named)
  if (device === undefined) return
  const missing = found.find((finding) => finding.device === device)?.missing
  if (missing !== undefined && device !== "webgpu") return yield* new ScriptError({ reason: `${device}: ${missing}` })
  const env = missing === undefined ? {} : yield* webgpu(missing)
  if (test) yield* runTests(env)
})

Command.make("devices", {
  device: Argument.Literals("device", Device.Device.literals).pipe(Argument.optional),
  test: Flag.Boolean("test").pipe(
    Flag.withDescription("Compare every device with the CPU"),
    Flag.withDefault(false)
  )
}, ({ device, test }) => readable(devices(device, test))).pipe(
  Command.withDescription("Which devices this machine has"),
  runMain
)
