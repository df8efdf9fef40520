/**
 * An engine that speaks the Tinker protocol, in protobuf and in JSON, with the embedded checkpoint behind it: pictures
 * count, gradients are real. It misbehaves on request.
 */
import { Effect, Exit, type Scope } from "effect"
import { createHash } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { gzipSync } from "node:zlib"
import { pack } from "tar-stream"
import type { Chunk, Datum, Sequence } from "../../../src/policy/tinker/Wire.ts"
import { lengthOfAll } from "../../../src/policy/tinker/Wire.ts"
import type { Backend, BackendError, Held } from "./backend.ts"
import * as Messages from "./messages.ts"

/** Instead of an answer: the request is taken, or not, and the client told something else. */
export interface Fault {
  /** Requests to this path. */
  readonly path: string | RegExp
  /** How many of them. */
  times: number
  /** Whether the server does the work all the same. */
  readonly done?: boolean
  readonly answer: (response: ServerResponse) => void
}

export const status = (code: number, body: unknown = { detail: "on request" }) => (response: ServerResponse) => {
  response.writeHead(code, { "content-type": "application/json" })
  response.end(JSON.stringify(body))
}
/** Bytes, as protobuf if not said otherwise. */
export const sent =
  (content: Uint8Array, headers: Record<string, string> = { "content-type": "application/x-protobuf" }) =>
  (response: ServerResponse) => {
    response.writeHead(200, headers)
    response.end(content)
  }
export const cut = (response: ServerResponse) => response.destroy()

export interface Options {
  /** What servers of before 0.4 speak. Default "protobuf". */
  readonly spelling?: "protobuf" | "json"
  /** What a loss is divided by. Default: nothing. */
  readonly mean?: "sequence"
  /** Pictures are dropped without a word, as SkyRL's JAX backend does. */
  readonly blind?: boolean
  /** Trained weights are given to nobody. */
  readonly keeps?: boolean
  /** What it calls the checkpoint. Default "embedded". */
  readonly serves?: string
  /** Faults from the first request on. */
  readonly faults?: ReadonlyArray<Fault>
  /** Tell no gradient norm. */
  readonly silent?: boolean
  /** Losses that are known for training. Default: all that the policy uses. */
  readonly losses?: ReadonlyArray<string>
  /** A loss that is computed in another way: cross_entropy over the sum of its weights, ppo by bounds of its own. */
  readonly odd?: "cross_entropy" | "ppo"
  /**
   * Models get the first free slot, and what was accumulated there stays when a model goes, as in SkyRL's JAX backend.
   */
  readonly slots?: boolean
  /** Steps that no pass went before are refused. */
  readonly strict?: boolean
  /** Sequences and bytes of the largest request, as told. */
  readonly limit?: { readonly data: number; readonly bytes: number }
}

/** What is accumulated. */
interface Slot {
  gradients: Array<Float32Array>
  /** Sequences since the last step. */
  data: number
}

interface Model {
  held: Held
  slot: Slot
  /** By number: a digest of what was asked, and the future that it became. */
  seqs: Map<number, { readonly content: string; readonly id: string }>
  session: string
}

export interface Engine {
  readonly baseUrl: string
  /** Paths of requests, in the order they came. */
  readonly requests: Array<string>
  readonly faults: Array<Fault>
  /** One for the request to a path that is the so-manieth, counted from 1. */
  faultAt: Omit<Fault, "times"> & { readonly count: number } | undefined
  /** Log-probabilities that passes have told, in the order they were computed. */
  readonly passed: Array<ReadonlyArray<Float32Array>>
  /** Everything that is in memory goes, what was saved stays: a restart. */
  readonly forget: () => void
  /** Sequence numbers that came twice. */
  repeated: number
  heartbeats: number
  /** Losses of passes that accumulated gradients, in the order they were computed. */
  readonly trainedBy: Array<string>
  /** Paths of states that were asked for. */
  readonly loaded: Array<string>
  /** Keys that came with requests. */
  readonly keys: Set<string>
  readonly models: ReadonlyMap<string, { readonly held: Held }>
}

type Json = Readonly<Record<string, unknown>>

const chunkOf = (json: Json): Chunk =>
  json["type"] === "image" || json["data"] !== undefined
    ? {
      type: "image",
      data: Buffer.from(String(json["data"]), "base64"),
      format: json["format"] === "jpeg" ? "jpeg" : "png",
      tokens: Number(json["expected_tokens"] ?? 0)
    }
    : { type: "text", tokens: Int32Array.from(json["tokens"] as ReadonlyArray<number>) }

const sha256 = (parts: Iterable<string | Uint8Array>): string => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part)
  return hash.digest("hex")
}

/** Tells sequences apart, whatever is to be learned from them. */
const digestOf = (data: ReadonlyArray<Datum>): string =>
  sha256(data.flatMap(({ chunks, inputs }) => [
    "\n",
    ...chunks.flatMap((chunk) => [chunk.type, Buffer.from(chunk.type === "image" ? chunk.data : chunk.tokens.join())]),
    (inputs["target_tokens"]?.data ?? []).join(),
    // From here on they are scored.
    String((inputs["advantages"] ?? inputs["weights"])?.data.findIndex((value) => value !== 0))
  ]))

const datumOf = (
  json: { model_input: { chunks: ReadonlyArray<Json> }; loss_fn_inputs: Record<string, Json> }
): Datum => ({
  chunks: json.model_input.chunks.map(chunkOf),
  inputs: Object.fromEntries(
    Object.entries(json.loss_fn_inputs).map(([name, { data, dtype }]) => [
      name,
      dtype === "int64"
        ? { dtype: "int64" as const, data: Int32Array.from(data as ReadonlyArray<number>) }
        : { dtype: "float32" as const, data: Float32Array.from(data as ReadonlyArray<number>) }
    ])
  )
})

/** Starts it on a free port of this machine; the scope ends it. */
export const start = (backend: Backend, options: Options = {}): Effect.Effect<Engine, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: ReturnType<typeof createServer>; readonly engine: Engine }>((resume) => {
      const sessions = new Set<string>()
      const models = new Map<string, Model>()
      const slots: Array<Slot> = []
      const free = (): Slot => {
        const used = new Set([...models.values()].map(({ slot }) => slot))
        const found = options.slots === true ? slots.find((slot) => !used.has(slot)) : undefined
        if (found !== undefined) return found
        const slot: Slot = { gradients: [], data: 0 }
        slots.push(slot)
        return slot
      }
      const samplers = new Map<string, Float32Array>()
      const states = new Map<string, Held>()
      const saved = new Map<string, Float32Array>()
      const futures = new Map<string, Promise<(response: ServerResponse) => void>>()
      let next = 0
      /** One piece of work at a time, in the order they came. */
      let last: Promise<unknown> = Promise.resolve()
      const work = <A>(job: Effect.Effect<A, BackendError>): Promise<A> => {
        const done = last.then(() => Effect.runPromise(job))
        last = done.catch(() => undefined)
        return done
      }

      const future = (result: Promise<(response: ServerResponse) => void>): string => {
        const id = String(++next)
        futures.set(id, result.catch((error: unknown) => status(400, { detail: String(error) })))
        return id
      }
      const json = (body: unknown) => status(200, body)
      const bytes = (content: Uint8Array) => (response: ServerResponse) => {
        response.writeHead(200, { "content-type": "application/x-protobuf" })
        response.end(content)
      }

      const dropped = (data: ReadonlyArray<Datum>): ReadonlyArray<Datum> =>
        options.blind !== true ? data : data.map(({ chunks, inputs }) => {
          const left = chunks.filter(({ type }) => type === "text")
          const length = lengthOfAll(left)
          return {
            chunks: left,
            inputs: Object.fromEntries(
              Object.entries(inputs).map(([name, tensor]) => [
                name,
                tensor.dtype === "int64"
                  ? { dtype: "int64" as const, data: tensor.data.slice(-length) }
                  : { dtype: "float32" as const, data: tensor.data.slice(-length) }
              ])
            )
          }
        })

      /** The last pass: a client asks forward only first, then for the gradient of the same sequences. */
      let passed:
        | { readonly held: Held; readonly asked: string; readonly logprobs: ReadonlyArray<Float32Array> }
        | undefined
      /** What an engine divides by, or what it makes of a loss of its own. */
      const factorsOf = (data: ReadonlyArray<Datum>, lossFn: string): ReadonlyArray<number> => {
        const sum = data.flatMap(({ inputs: { weights } }) => [...weights?.data ?? []]).reduce((a, b) => a + b, 0)
        const each = options.odd === "cross_entropy" && lossFn === "cross_entropy" ? 1 / sum : 1
        return data.map(({ chunks }) => options.mean === "sequence" ? each / lengthOfAll(chunks) : each)
      }

      const pass = (
        model: Model,
        data: ReadonlyArray<Datum>,
        { config, lossFn }: { readonly lossFn: string; readonly config: Readonly<Record<string, number>> },
        forwardOnly: boolean
      ) =>
        Effect.gen(function*() {
          if (!forwardOnly && options.losses?.includes(lossFn) === false) {
            return status(400, { detail: `loss_fn ${lossFn} is not supported` })
          }
          if (!forwardOnly) engine.trainedBy.push(lossFn)
          const asked = digestOf(data)
          if (passed?.held !== model.held || passed.asked !== asked) {
            passed = { held: model.held, asked, logprobs: yield* backend.forward(model.held, data) }
          }
          const { logprobs } = passed
          engine.passed.push(logprobs)
          if (!forwardOnly) {
            const gradient = yield* backend.backward(
              model.held,
              data,
              { lossFn, config: options.odd === "ppo" ? {} : config },
              factorsOf(data, lossFn)
            )
            model.slot.gradients.push(gradient)
            model.slot.data += data.length
          }
          return options.spelling === "json"
            ? json({
              loss_fn_output_type: "x",
              loss_fn_outputs: logprobs.map((values) => ({
                logprobs: { data: [...values], dtype: "float32", shape: [values.length] }
              })),
              metrics: {}
            })
            : bytes(Messages.passed(logprobs, { "loss:sum": 0 }))
        })

      /** Draws that came while others were computed go together. */
      let waiting: Array<{
        readonly weights: Float32Array
        readonly chunks: ReadonlyArray<Chunk>
        readonly seed: number
        readonly kind: string
        readonly options: { count: number; maxTokens: number; temperature: number; topP: number }
        readonly done: (sequences: ReadonlyArray<Sequence>) => void
        readonly failed: (error: unknown) => void
      }> = []
      const draw = (item: Omit<typeof waiting[number], "done" | "failed">) =>
        new Promise<ReadonlyArray<Sequence>>((done, failed) => {
          waiting.push({ ...item, done, failed })
          if (waiting.length > 1) return
          setTimeout(() => {
            const batch = waiting
            waiting = []
            for (const same of Map.groupBy(batch, ({ kind }) => kind).values()) {
              const { options, weights } = same[0]!
              work(backend.sample(weights, same, options)).then(
                (groups) => same.forEach(({ done }, i) => done(groups[i] ?? [])),
                (error: unknown) => same.forEach(({ failed }) => failed(error))
              )
            }
          }, 5)
        })

      const known = (id: unknown): Model | undefined => models.get(String(id))
      const lost = status(404, { detail: "Model not found" })

      const handle = (
        path: string,
        request: IncomingMessage,
        body: Uint8Array,
        response: ServerResponse
      ): (response: ServerResponse) => void => {
        const isBytes = request.headers["content-type"]?.includes("protobuf") === true
        const own: Json = isBytes || body.length === 0 ? {} : JSON.parse(Buffer.from(body).toString())
        const pathOf = (kind: string) => `tinker://${String(own["model_id"])}/${kind}/${String(own["path"])}`
        /** The same number with the same content is the same request. */
        const once = (
          model: Model,
          seq: number,
          content: string | Uint8Array,
          run: () => string
        ): (r: ServerResponse) => void => {
          const digest = sha256([content])
          const before = model.seqs.get(seq)
          if (before !== undefined) {
            engine.repeated++
            return before.content === digest
              ? json({ request_id: before.id })
              : status(409, { detail: "Training request sequence number was reused" })
          }
          const id = run()
          model.seqs.set(seq, { content: digest, id })
          return json({ request_id: id })
        }
        switch (path) {
          case "client/config":
            return json(
              options.limit === undefined ? {} : {
                fwdbwd_max_chunk_len: options.limit.data,
                fwdbwd_max_chunk_bytes_count: options.limit.bytes
              }
            )
          case "get_server_capabilities":
            return json({ supported_models: [{ model_name: options.serves ?? "embedded" }] })
          case "create_session": {
            const id = `session_${++next}`
            sessions.add(id)
            return json({ session_id: id })
          }
          case "session_heartbeat":
            engine.heartbeats++
            return sessions.has(String(own["session_id"])) ? json({}) : status(404)
          case "create_model": {
            if (!sessions.has(String(own["session_id"]))) return status(404, { detail: "Session not found" })
            const id = `model_${++next}`
            models.set(id, {
              held: backend.fresh,
              slot: free(),
              seqs: new Map(),
              session: String(own["session_id"])
            })
            return json({ model_id: id, request_id: future(Promise.resolve(json({ model_id: id }))) })
          }
          case "unload_model":
            models.delete(String(own["model_id"]))
            return json({ request_id: future(Promise.resolve(json({}))) })
          case "forward":
          case "forward_backward": {
            if (options.spelling === "json" && isBytes) return status(422, { detail: "not JSON" })
            if (options.spelling !== "json" && !isBytes) return status(415, { detail: "protobuf only" })
            const input = own[path === "forward" ? "forward_input" : "forward_backward_input"] as {
              data: ReadonlyArray<Parameters<typeof datumOf>[0]>
              loss_fn: string
              loss_fn_config?: Record<string, number>
            }
            const read = isBytes
              ? Messages.readRequest(body)
              : {
                modelId: String(own["model_id"]),
                seqId: Number(own["seq_id"]),
                data: input.data.map(datumOf),
                lossFn: input.loss_fn,
                config: input.loss_fn_config ?? {},
                forwardOnly: path === "forward"
              }
            const model = known(read.modelId)
            if (model === undefined) return lost
            return once(
              model,
              read.seqId,
              body,
              () => future(work(pass(model, dropped(read.data), read, read.forwardOnly)))
            )
          }
          case "optim_step": {
            const model = known(own["model_id"])
            if (model === undefined) return lost
            const adam = own["adam_params"] as Record<string, number>
            return once(
              model,
              Number(own["seq_id"]),
              Buffer.from(body).toString(),
              () =>
                future(work(Effect.gen(function*() {
                  const { slot } = model
                  if (slot.gradients.length === 0 && options.strict === true) {
                    return status(400, { detail: "there are no gradients" })
                  }
                  const sum = {
                    gradients: slot.gradients,
                    by: options.mean === "sequence" && slot.data > 0 ? slot.data : 1
                  }
                  const { gradNorm, held } = yield* backend.optimise(model.held, sum, {
                    learningRate: adam["learning_rate"]!,
                    weightDecay: adam["weight_decay"]!,
                    clipNorm: adam["grad_clip_norm"] === 0 ? Infinity : adam["grad_clip_norm"]!
                  })
                  model.held = held
                  slot.gradients = []
                  slot.data = 0
                  return json({ metrics: options.silent === true ? {} : { "engine/grad_norm": gradNorm } })
                })))
            )
          }
          case "save_weights": {
            const model = known(own["model_id"])
            if (model === undefined) return lost
            const at = pathOf("weights")
            return json({
              request_id: future(work(Effect.sync(() => {
                states.set(at, model.held)
                return json({ path: at })
              })))
            })
          }
          case "load_weights": {
            const model = known(own["model_id"])
            if (model === undefined) return lost
            if (own["seq_id"] !== 1) return status(400, { detail: "LoadWeights is not permitted" })
            engine.loaded.push(String(own["path"]))
            const state = states.get(String(own["path"]))
            if (state === undefined) return status(400, { detail: `no ${String(own["path"])}` })
            return once(model, 1, Buffer.from(body).toString(), () =>
              future(work(Effect.sync(() => {
                model.held = own["optimizer"] === true ? state : { ...state, moments: backend.fresh.moments }
                return json({})
              }))))
          }
          case "save_weights_for_sampler": {
            const model = known(own["model_id"])
            if (model === undefined) return lost
            return json({
              request_id: future(work(Effect.sync(() => {
                const { weights } = model.held
                if (own["path"] !== undefined) {
                  const at = pathOf("sampler_weights")
                  saved.set(at, weights)
                  return json({ path: at })
                }
                const id = `sampling_${++next}`
                samplers.set(id, weights)
                return json({ path: null, sampling_session_id: id })
              })))
            })
          }
          case "asample": {
            const weights = own["sampling_session_id"] !== undefined
              ? samplers.get(String(own["sampling_session_id"]))
              : saved.get(String(own["model_path"]))
            if (weights === undefined) return status(404, { detail: "Sampling session not found" })
            const chunks = (own["prompt"] as { chunks: ReadonlyArray<Json> }).chunks.map(chunkOf)
            const sampling = own["sampling_params"] as Record<string, number>
            const drawing = {
              count: Number(own["num_samples"]),
              maxTokens: sampling["max_tokens"]!,
              temperature: sampling["temperature"]!,
              topP: sampling["top_p"]!
            }
            const kind = JSON.stringify([drawing, own["sampling_session_id"], own["model_path"]])
            return json({
              request_id: future((async () => {
                const sequences = await draw({ weights, chunks, seed: sampling["seed"]!, kind, options: drawing })
                return options.spelling === "json"
                  ? json({
                    sequences: sequences.map(({ logprobs, stop, tokens }) => ({
                      stop_reason: stop,
                      tokens: [...tokens],
                      logprobs: logprobs === undefined ? null : [...logprobs]
                    }))
                  })
                  : bytes(Messages.sampled(sequences))
              })())
            })
          }
          case "retrieve_future": {
            const found = futures.get(String(own["request_id"]))
            if (found === undefined) return status(404, { detail: "Future not found" })
            return () => void found.then((answer) => answer(response))
          }
          default: {
            const [, model, name] = /^training_runs\/([^/]+)\/checkpoints\/([^/]+)\/archive$/.exec(path) ?? []
            const weights = saved.get(`tinker://${model}/sampler_weights/${name}`)
            if (weights === undefined || options.keeps === true) return status(404)
            return (response) =>
              void work(backend.archive(weights)).then((files) => {
                const tar = pack()
                for (const [name, content] of files) tar.entry({ name }, Buffer.from(content))
                tar.entry({ name: "../evil.txt" }, "out of the folder")
                tar.finalize()
                const chunks: Array<Buffer> = []
                tar.on("data", (chunk) => void (chunk instanceof Uint8Array && chunks.push(Buffer.from(chunk))))
                tar.on("end", () => {
                  response.writeHead(200, { "content-type": "application/gzip" })
                  response.end(gzipSync(Buffer.concat(chunks)))
                })
              })
          }
        }
      }

      const server = createServer((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          const path = (request.url ?? "").replace("/api/v1/", "")
          engine.requests.push(path)
          if (typeof request.headers["x-api-key"] === "string") engine.keys.add(request.headers["x-api-key"])
          const fault = engine.faults.find((fault) =>
            fault.times > 0 && (typeof fault.path === "string" ? fault.path === path : fault.path.test(path))
          )
          const body = Buffer.concat(chunks)
          const { faultAt } = engine
          if (
            faultAt?.path === path && engine.requests.filter((own) => own === path).length === faultAt.count
          ) {
            engine.faultAt = undefined
            const id = JSON.parse(body.toString()).request_id
            // The work is done all the same.
            return void futures.get(String(id))?.then(() => faultAt.answer(response))
          }
          if (fault !== undefined) {
            fault.times--
            if (fault.done === true) handle(path, request, body, response)
            return fault.answer(response)
          }
          handle(path, request, body, response)(response)
        })
      })
      const engine: Engine = {
        baseUrl: "",
        requests: [],
        faults: [...options.faults ?? []],
        faultAt: undefined,
        passed: [],
        trainedBy: [],
        keys: new Set(),
        loaded: [],
        repeated: 0,
        heartbeats: 0,
        models,
        forget: () => {
          for (const all of [sessions, models, samplers, futures]) all.clear()
        }
      }
      server.listen(0, "127.0.0.1", () =>
        resume(Effect.succeed({
          server,
          engine: Object.assign(engine, { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
        })))
    }),
    ({ server }) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Exit.void))
        server.closeAllConnections()
      })
  ).pipe(Effect.map(({ engine }) => engine))
