/** vLLM's adapters: what answers in the model's place, at every server. */
import { Context, Effect, Result } from "effect"
import { failing } from "../failing.ts"
import type { PolicyError } from "../Policy.ts"
import type * as Client from "./Client.ts"

/** A LoRA directory in PEFT's format, as the server sees it. */
export interface Adapter {
  /** What requests call it. A new name for new weights: servers keep what they have loaded under one. */
  readonly name: string
  /** On the server's file system. */
  readonly path: string
}

/** vLLM's adapters, where it runs with `--enable-lora` and `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True`. */
export class Adapters extends Context.Service<Adapters, {
  /**
   * Loads an adapter and answers with it from the next session on: the policy's next version. Refused while a session
   * is open.
   */
  readonly load: (adapter: Adapter) => Effect.Effect<void, PolicyError>
  /** Unloads an adapter; where it was the one that answers, the base model does again. */
  readonly unload: (name: string) => Effect.Effect<void, PolicyError>
}>()("rise/RemoteAdapters") {}

/** A command's answer is of no use: its status is the answer. */
const command = (path: string, key: string, body: Readonly<Record<string, string>>): Client.Request<void> => (
  { path, key, body, read: () => Result.succeed(undefined) }
)

export interface Options {
  readonly client: Client.Client
  /** What answers without an adapter. */
  readonly model: string
  /** Fails while a session is open. */
  readonly closed: Effect.Effect<void, PolicyError>
}

export const make = ({ client, closed, model }: Options) => {
  let version = 0
  let served = model
  const held = new Map<string, Client.Request<void>>()
  const remember = () => client.onReturn([...held.values()])

  const adapters = Adapters.of({
    load: ({ name, path }) =>
      Effect.gen(function*() {
        yield* closed
        const request = command("/load_lora_adapter", `adapter/load/${name}`, { lora_name: name, lora_path: path })
        yield* client.broadcast(request)
        held.set(name, request)
        remember()
        served = name
        version++
      }).pipe(failing("load")),
    unload: (name) =>
      Effect.gen(function*() {
        yield* closed
        yield* client.broadcast(command("/unload_lora_adapter", `adapter/unload/${name}`, { lora_name: name }))
        held.delete(name)
        remember()
        if (served !== name) return
        served = model
        version++
      }).pipe(failing("load"))
  })
  return { adapters, served: () => served, version: () => version }
}
