/** The command with an engine that trains and servers that draw: the tests' own, with the embedded checkpoint. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, FileSystem, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import sharp from "sharp"
import * as Vllm from "../policy/openai/vllm.ts"
import { adaptingEngines, directory as tokenizer, Engines } from "../policy/tinker/engines.ts"
import * as Server from "../policy/tinker/server.ts"
import { here } from "./here.ts"
import { type Ended, rise, root } from "./processes.ts"

/** A command as a process, in patience: machines that test are busy. */
const command = (
  line: ReadonlyArray<string>,
  { env = {}, until }: {
    readonly env?: Readonly<Record<string, string>>
    /** Kills it as soon as this holds. */
    readonly until?: () => boolean
  } = {}
): Effect.Effect<Ended> =>
  Effect.promise(async () => {
    const child = spawn(process.execPath, [rise, ...line], { cwd: root, env: { ...process.env, ...env } })
    child.stdin.end()
    const out: Record<"stdout" | "stderr", string> = { stdout: "", stderr: "" }
    child.stdout.on("data", (text) => void (out.stdout += String(text)))
    child.stderr.on("data", (text) => void (out.stderr += String(text)))
    const watch = setInterval(() => until?.() === true && child.kill("SIGKILL"), 20)
    const [code] = await once(child, "close")
    clearInterval(watch)
    return { code: typeof code === "number" ? code : -1, ...out }
  })

const served = { serves: "vl" }
const start = (options: Server.Options = {}) =>
  Effect.flatMap(Engines, (backend) => Server.start(backend, { ...served, ...options }))

const at = ({ baseUrl }: Server.Engine) => [`--engine=tinker=${baseUrl}`, "--model", "vl", "--tokenizer", tokenizer]

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

interface Given {
  readonly fs: FileSystem.FileSystem
  readonly folder: string
  readonly engine: Server.Engine
}

/** A test with a folder and an engine of its own. */
const inFolder = <A, E>(test: (given: Given) => Effect.Effect<A, E, Engines | FileSystem.FileSystem | Scope.Scope>) =>
  Effect.scoped(Effect.gen(function*() {
    return yield* test({ fs: yield* FileSystem.FileSystem, folder: yield* folder, engine: yield* start() })
  })).pipe(Effect.provide(NodeServices.layer))

const square = (file: string) =>
  Effect.promise(() => sharp({ create: { width: 56, height: 56, channels: 3, background: "teal" } }).png().toFile(file))

const lines = (text: string): ReadonlyArray<Record<string, unknown>> =>
  text.trim().split("\n").map((line) => JSON.parse(line))

/** A vLLM that takes any adapter for the base model's: the engine of the tests trains no adapters. */
const vllm = Effect.map(Vllm.start, ({ server }) => {
  const answer = server.answer
  const loaded: Array<string> = []
  server.answer = (response, received) => {
    if (received.path.endsWith("lora_adapter")) {
      if (received.path.endsWith("/load_lora_adapter")) loaded.push(String(received.body.lora_path))
      response.writeHead(200)
      response.end("Success")
      return
    }
    return answer(response, { ...received, body: { ...received.body, model: "vl" } })
  }
  return { server, loaded }
})

describe("rise at an engine", () => {
  layer(adaptingEngines, { timeout: 300_000, excludeTestServices: true })((it) => {
    it.effect(
      "trains and measures all methods there, and saves what the engine gives away",
      () =>
        inFolder(({ engine, folder, fs }) =>
          Effect.gen(function*() {
            const out = `${folder}/run`
            const { code, stderr, stdout } = yield* here(
              ["train", ...at(engine), "--preset", "smoke", "--lora", "8", "--out", out],
              { env: { TINKER_API_KEY: "tml-secret" } }
            )
            assert.strictEqual(code, 0, stderr)
            assert.match(stdout, /preset smoke-at-engine/)
            assert.match(stdout, /\nRISE .*\n/)
            const record = yield* fs.readFileString(`${out}/run.json`)
            const { identity: { config }, about } = JSON.parse(record)
            assert.deepInclude(config, { engine: "tinker", model: "vl", lora: 8, device: "engine" })
            assert.isUndefined(config.settings.rft.format)
            assert.isFalse(record.includes(engine.baseUrl) && !about.command.join(" ").includes(engine.baseUrl))
            assert.notInclude(record + stderr, "tml-secret")
            assert.deepStrictEqual([...engine.keys], ["tml-secret"])
            const metrics = lines(yield* fs.readFileString(`${out}/metrics.jsonl`))
            for (const method of ["SFT", "Visual-RFT", "RISE"]) {
              assert.isTrue(metrics.some((row) => row["method"] === method && Number(row["gradNorm"]) > 0), method)
            }
            const model = yield* fs.readDirectory(`${out}/model`)
            assert.includeMembers(model, ["adapter_config.json", "adapter_model.safetensors", "rise-task.json"])
            // What was learned is asked there again: by the state that lies at the engine.
            const { path, rank } = JSON.parse(yield* fs.readFileString(`${out}/model/engine.json`))
            assert.strictEqual(rank, 8)
            const picture = `${folder}/picture.png`
            yield* square(picture)
            const asked = engine.requests.length
            const told = yield* here([
              ...["annotate", picture, ...at(engine), "--adapter", `${out}/model`, "--max-tokens", "32"],
              ...["--out", `${folder}/rows.jsonl`]
            ])
            assert.match(told.stderr, /task of vl at http.*: emotion6 \(anger, .*\)/)
            assert.match(told.stderr, /1 picture/)
            const since = engine.requests.slice(asked)
            assert.includeMembers(since, ["load_weights", "asample"])
            assert.isAbove(since.indexOf("asample"), since.indexOf("load_weights"))
            assert.isTrue(engine.loaded.includes(path))

            yield* fs.makeDirectory(`${folder}/data`)
            yield* square(`${folder}/data/a.png`)
            const rows = "image,anger,disgust,fear,joy,sadness,surprise,neutral\na.png,0,0,0,60,0,0,40\n"
            for (const half of ["train.csv", "test.csv"]) yield* fs.writeFileString(`${folder}/data/${half}`, rows)
            const measured = yield* here([
              ...["evaluate", ...at(engine), "--adapter", `${out}/model`, "--data", `${folder}/data`],
              ...["--out", `${folder}/measured`]
            ])
            assert.strictEqual(measured.code, 0, measured.stderr)
            assert.match(measured.stdout, /JSD/)
            const { identity } = JSON.parse(yield* fs.readFileString(`${folder}/measured/run.json`))
            assert.deepInclude(identity.config, { model: "vl" })
            assert.strictEqual(identity.config.weights.model, "vl")
            const base = yield* here(["annotate", picture, ...at(engine), "--labels", "a,b", "--max-tokens", "8"])
            assert.match(base.stderr, /1 picture/)
          })
        ),
      600_000
    )

    it.effect(
      "goes on at the engine's state where it was killed in the middle of a stage",
      () =>
        inFolder(({ engine, folder, fs }) =>
          Effect.gen(function*() {
            const out = `${folder}/run`
            const steps = () => engine.requests.filter((path) => path === "optim_step").length
            const states = () => engine.requests.filter((path) => path === "save_weights").length
            let trained = Infinity
            const killed = yield* command([
              ...["train", ...at(engine), "--preset", "smoke", "--method", "SFT", "--no-warm-up", "--steps-sft", "8"],
              ...["--checkpoint-steps", "2", "--out", out]
            ], {
              until: () => {
                // The probes before it take steps, too; a state is saved where the stage has begun.
                if (trained === Infinity && states() > 0) trained = steps()
                return steps() >= trained + 5
              }
            })
            assert.strictEqual(killed.code, -1, killed.stderr)
            const before = lines(yield* fs.readFileString(`${out}/metrics.jsonl`)).filter(({ loss }) =>
              loss !== undefined
            )
            assert.isAbove(before.length, 2)
            assert.isBelow(before.length, 8)
            const resumed = yield* here(["train", "--out", out, "--resume"])
            assert.strictEqual(resumed.code, 0, resumed.stderr)
            const after = lines(yield* fs.readFileString(`${out}/metrics.jsonl`)).filter(({ loss }) =>
              loss !== undefined
            )
            assert.deepStrictEqual(after.map(({ step }) => step), [1, 2, 3, 4, 5, 6, 7, 8])
            // What was kept was not trained again.
            assert.deepStrictEqual(after.slice(0, 2), before.slice(0, 2))
            assert.isTrue(engine.requests.includes("load_weights"))
            assert.isTrue(yield* fs.exists(`${out}/results.json`))
            const other = yield* here(["train", "--out", out, "--resume", "--lora", "4"])
            assert.deepStrictEqual([other.code, /lora/.test(other.stderr)], [1, true], other.stderr)
          })
        ),
      600_000
    )

    it.effect(
      "draws at servers that are sent what the engine has learned",
      () =>
        inFolder(({ engine, folder, fs }) =>
          Effect.gen(function*() {
            const { loaded, server } = yield* vllm
            const out = `${folder}/run`
            const { code, stderr } = yield* here([
              ...["train", ...at(engine), "--preset", "smoke", "--method", "Visual-RFT", "--no-warm-up"],
              ...["--sampler", `vllm=${server.baseUrl}`, "--adapters", `${folder}/adapters`, "--staleness", "0"],
              ...["--out", out]
            ])
            assert.strictEqual(code, 0, stderr)
            assert.isFalse(engine.requests.includes("asample"))
            assert.isAbove(server.requests.filter(({ path }) => path.endsWith("/chat/completions")).length, 8)
            assert.isAbove(loaded.length, 0)
            assert.isTrue(loaded.every((path) => path.startsWith(`${folder}/adapters/rise-`)))
            const { identity: { config } } = JSON.parse(yield* fs.readFileString(`${out}/run.json`))
            assert.deepInclude(config, { sampler: "vllm", staleness: 0, lora: 32 })
            const metrics = lines(yield* fs.readFileString(`${out}/metrics.jsonl`))
            assert.isTrue(metrics.some((row) => Number(row["importance"]) > 0))
          })
        ),
      600_000
    )

    it.effect(
      "holds on to the base model of a server, where it is given one",
      () =>
        inFolder(({ engine, folder, fs }) =>
          Effect.gen(function*() {
            const { server } = yield* vllm
            const out = `${folder}/run`
            const line = [
              ...["train", ...at(engine), "--preset", "smoke", "--method", "Visual-RFT", "--no-warm-up"],
              ...["--reference", `vllm=${server.baseUrl}`]
            ]
            const { code, stderr } = yield* here([...line, "--out", out])
            assert.strictEqual(code, 0, stderr)
            assert.isTrue(engine.requests.includes("asample"))
            assert.isAbove(server.requests.filter(({ path }) => path.endsWith("/inference/v1/generate")).length, 0)
            const { identity: { config } } = JSON.parse(yield* fs.readFileString(`${out}/run.json`))
            assert.deepInclude(config, { reference: "vllm" })
            const metrics = lines(yield* fs.readFileString(`${out}/metrics.jsonl`))
            // The same weights: nothing to hold on to at the first step, something at the next.
            const kl = metrics.flatMap((row) => row["kl"] === undefined ? [] : [Number(row["kl"])])
            assert.lengthOf(kl, 2)
            assert.approximately(kl[0] ?? NaN, 0, 1e-5)
            assert.isAbove(kl[1] ?? NaN, 0)

            const free = `${folder}/free.json`
            yield* fs.writeFileString(free, JSON.stringify({ reinforce: { kl: 0 }, rft: { kl: 0 } }))
            const idle = yield* here([...line, "--config", free, "--out", `${folder}/other`])
            assert.strictEqual(idle.code, 2, idle.stderr)
            assert.match(idle.stderr, /--reference is what kl holds on to, and kl is 0.*leave it out/)
          })
        ),
      600_000
    )

    it.effect("plans without timing what is not here", () =>
      Effect.scoped(Effect.gen(function*() {
        const engine = yield* start()
        const { code, stderr, stdout } = yield* here(["plan", ...at(engine), "--preset", "smoke"])
        assert.strictEqual(code, 0, stderr)
        assert.match(stdout, /^settings: smoke-at-engine;/)
        // 8 pictures, 2 candidates each, of which every one is drawn and read back.
        assert.match(stdout, /\nRISE\/explain +8 pictures +32 +–\n/)
        assert.match(stdout, /\nRISE\/rft +2 steps +8 +8\n/)
        assert.match(stdout, /\nRISE\/evaluate +4 pictures +4 +–\n/)
        assert.notMatch(stdout, /memory/)
        assert.lengthOf(engine.requests, 0)
      })), 300_000)

    it.effect("doctor says in 80 columns what training there comes to", () =>
      Effect.scoped(Effect.gen(function*() {
        const engine = yield* start({ mean: "sequence" })
        const whole = yield* here(["doctor", ...at(engine)])
        assert.strictEqual(whole.code, 0, whole.stderr)
        const rows = whole.stdout.split("\n")
        assert.isTrue(rows.every((row) => row.length <= 80), whole.stdout)
        assert.isBelow(rows.length, 40)
        for (
          const says of [
            /^ok {4}engine +http.* answers; it serves vl/m,
            /^ok {4}pictures +one reaches the model/m,
            /^ok {4}losses [^]*mean over the\s+tokens of a sequence, mean over the\s+sequences of an update/m,
            /^ok {4}passes +cross_entropy and ppo are ours/m,
            /^ok {4}reference +there is room for a second model/m,
            /^note {2}optimiser +takes learning rate, clipping and weight decay; of epsilon,\s+beta1 and\s+beta2/m,
            /A run can start/
          ]
        ) assert.match(whole.stdout, says)

        const blind = yield* start({ blind: true, silent: true })
        const found = yield* command(["doctor", ...at(blind), "--json"], { env: { TINKER_API_KEY: "k" } })
        assert.strictEqual(found.code, 1)
        const of = new Map(lines(found.stdout).map((finding) => [finding["about"], finding]))
        assert.match(String(of.get("pictures")?.["text"]), /does not take pictures/)
        assert.strictEqual(of.get("pictures")?.["state"], "wrong")
        assert.match(String(of.get("losses")?.["text"]), /no gradient norm is told/)
        assert.match(String(of.get("key")?.["text"]), /TINKER_API_KEY is sent/)
        assert.deepInclude(lines(found.stderr).at(-1), {
          event: "failed",
          message: "a run would not start: mend pictures"
        })
      })), 300_000)

    it.effect("doctor says of servers what can be learned from them", () =>
      Effect.scoped(Effect.gen(function*() {
        const { server } = yield* vllm
        const { code, stdout } = yield* here([
          ...["doctor", "--json", "--model", "vl"],
          ...["--sampler", `vllm=${server.baseUrl},http://127.0.0.1:1/v1`]
        ])
        const [first, second] = lines(stdout).filter(({ about }) => about === "sampler")
        assert.strictEqual(code, 1)
        assert.match(
          String(first?.["text"]),
          /vl takes pictures; token ids and log-probabilities, scores of given tokens, adapters .*; not: texts held/
        )
        assert.strictEqual(first?.["state"], "note")
        assert.match(String(second?.["text"]), /127\.0\.0\.1:1\/v1: the connection failed/)
        assert.match(String(second?.["mend"]), /is it running/)
        const other = yield* here(["doctor", "--sampler", `vllm=${server.baseUrl}`, "--model", "llava"])
        assert.match(other.stdout, /serves vl, not "llava"\s+→ --model vl/)
      })), 300_000)

    it.effect(
      "refuses before there is a folder what the engine cannot do",
      () =>
        inFolder(({ engine, folder, fs }) =>
          Effect.gen(function*() {
            const blind = yield* start({ blind: true })
            const closed = yield* start()
            closed.faults.push({
              path: "get_server_capabilities",
              times: 9,
              answer: Server.status(401, { detail: "no key" })
            })
            const masked = `${folder}/masked.json`
            yield* fs.writeFileString(masked, JSON.stringify({ sft: { grammar: "mask" } }))
            const { server } = yield* vllm
            const line = (...words: ReadonlyArray<string>) => [...words, "--preset", "smoke", "--out", `${folder}/run`]
            const refused: ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]> = [
              [line("train", ...at(blind)), /does not take pictures.*Serve the model with a backend that reads images/],
              [
                line("train", ...at(engine), "--config", masked),
                /sft: grammar is "mask", expected off: a grammar cannot/
              ],
              [
                line("train", ...at(engine).map((word) => word === "vl" ? "llava" : word)),
                /does not serve "llava"; it serves vl: name one of them, --model NAME/
              ],
              [line("train", ...at(closed)), /answered 401: .*no key.*it wants a key: set TINKER_API_KEY/],
              [
                line("train", ...at({ ...engine, baseUrl: server.baseUrl })),
                /it does not speak the Tinker protocol, or not at this address/
              ],
              [
                line("train", ...at({ ...engine, baseUrl: "http://127.0.0.1:1" })),
                /127\.0\.0\.1:1.*the connection failed/
              ]
            ]
            for (const [words, says] of refused) {
              const { code, stderr } = yield* here(words)
              assert.strictEqual(code, 1, stderr)
              assert.match(stderr, says)
              assert.notMatch(stderr, /\n\s+at /)
            }
            assert.isFalse(yield* fs.exists(`${folder}/run`))
          })
        ),
      300_000
    )
  })
})

describe("rise with servers that draw", () => {
  layer(adaptingEngines, { timeout: 300_000, excludeTestServices: true })((it) => {
    it.effect(
      "annotates and measures at several, one of which is away",
      () =>
        inFolder(({ folder }) =>
          Effect.gen(function*() {
            const { server } = yield* vllm
            const picture = `${folder}/picture.png`
            yield* square(picture)
            const sampler = ["--sampler", `vllm=${server.baseUrl},http://127.0.0.1:1/v1`, "--model", "vl"]
            const plain = yield* here([
              ...["annotate", picture, "--remote", `${server.baseUrl}, http://127.0.0.1:1/v1`, "--remote-model", "vl"],
              ...["--max-tokens", "16", "--out", `${folder}/plain.jsonl`]
            ])
            // It wrote something, though nothing that can be read without a grammar.
            assert.match(plain.stderr, /1 picture/)
            assert.isAbove(
              server.requests.filter(({ path }) => path.endsWith("/chat/completions")).length,
              0,
              plain.stderr
            )
            const masked = yield* here(["annotate", picture, ...sampler, "--max-tokens", "16", "--quiet"])
            assert.strictEqual(masked.code, 1)
            assert.match(masked.stderr, /does not hold texts to a grammar: asked for \/a\//)
          })
        ),
      300_000
    )
  })
})
