/**
 * Fetches onnxruntime's CUDA 12 provider, which its npm package does not bring: `npm run setup:cuda`.
 *
 * Says what it will download and where to before it does; `--dry-run` stops there. The download is onnxruntime-node's
 * own install script's.
 */
import { Console, Effect, FileSystem, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { readable, runMain } from "../src/cli/process.ts"
import { Device } from "../src/kernels/runtime/index.ts"
import { program, ScriptError } from "./program.ts"

/** The part of onnxruntime-node's own list that says what its script installs. */
const Metadata = Schema.Struct({
  requirements: Schema.Record(Schema.String, Schema.Array(Schema.String)),
  manifests: Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Struct({ package: Schema.String }))),
  packages: Schema.Record(
    Schema.String,
    Schema.Struct({ name: Schema.String, versions: Schema.Array(Schema.Struct({ version: Schema.String })) })
  )
})

const here = createRequire(import.meta.url)
const script = join(dirname(here.resolve("onnxruntime-node/package.json")), "script/install.js")

/** Packages and files that the script fetches for this platform. */
const planned = Effect.gen(function*() {
  const platform = `${process.platform}/${process.arch}`
  const unknown = (cause: { readonly message: string }) =>
    new ScriptError({
      reason: `onnxruntime-node's list of downloads has changed (${cause.message}); run its script/install.js yourself`
    })
  const { manifests, packages, requirements } = yield* Schema.decodeUnknownEffect(Metadata)(
    here(join(dirname(script), "install-metadata.js"))
  ).pipe(
    Effect.mapError(unknown)
  )
  const files = (requirements[platform] ?? []).flatMap((name) => Object.entries(manifests[`${platform}:${name}`] ?? {}))
  if (files.length === 0) {
    return yield* new ScriptError({
      reason: `onnxruntime-node has no CUDA provider for ${platform}, only for linux/x64; --device webgpu may work`
    })
  }
  const names = [...new Set(files.map(([, file]) => file.package))].map((id) =>
    `${packages[id]?.name ?? id} ${packages[id]?.versions[0]?.version ?? ""}`.trim()
  )
  return { files: files.map(([name]) => name.replace("./", "")), packages: names }
})

const setup = Effect.fnUntraced(function*(dryRun: boolean) {
  const fs = yield* FileSystem.FileSystem
  const folder = Device.libraryFolder()
  const { files, packages } = yield* planned
  yield* Console.log([
    `This downloads from NuGet: ${packages.join(", ")} (some hundred MB)`,
    `and unpacks into ${folder}:`,
    ...files.map((file) => `  ${file}`),
    "They also need an NVIDIA driver, CUDA 12 and cuDNN 9 on this machine, which it does not install."
  ].join("\n"))
  if (dryRun) return
  // "true" installs what the platform asks for. Naming "cuda12" does nothing in 1.30: its script reads the name and
  // drops it.
  const code = yield* program(script, [], { ONNXRUNTIME_NODE_INSTALL: "true" })
  for (const name of Device.cudaLibraries) {
    if (code !== 0 || !(yield* fs.exists(join(folder, name)))) {
      return yield* new ScriptError({
        reason: `${name} was not installed (the script ended with ${code}); what it printed above says why`
      })
    }
  }
  yield* Device.check("cuda")
  yield* Console.log("CUDA is ready: use --device cuda")
})

Command.make("setup:cuda", {
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Say what would be downloaded, and stop"),
    Flag.withDefault(false)
  )
}, ({ dryRun }) => readable(setup(dryRun))).pipe(
  Command.withDescription("Fetch onnxruntime's CUDA 12 provider"),
  runMain
)
