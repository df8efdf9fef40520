/** Open sessions by what they compute: made on first use, closed when the least recently used are in the way. */
import { Effect, Exit, Scope } from "effect"
import type { OnnxWriter } from "../graph/index.ts"
import { type HostTensor, Runtime } from "../runtime/index.ts"

export interface SessionSpec {
  /** Says everything that distinguishes this session on its worker. */
  readonly key: string
  readonly worker: number
  readonly program: () => OnnxWriter.Program
  /** Tensors bound by name; only those the program has are used. */
  readonly bound: Readonly<Record<string, HostTensor.HostTensor>>
  readonly outputs?: Readonly<Record<string, HostTensor.HostTensor>>
  /** Outputs that stay in the worker, and the input each is for. */
  readonly resident?: Readonly<Record<string, string>>
}

/** A session that feeds itself the inputs it has, whatever else is offered. */
export interface OpenSession {
  readonly run: (
    feeds: Readonly<Record<string, HostTensor.HostTensor>>,
    state?: Runtime.ResidentState
  ) => Effect.Effect<Record<string, HostTensor.HostTensor>, Runtime.RuntimeError>
}

export interface Sessions {
  readonly get: (spec: SessionSpec) => Effect.Effect<OpenSession, Runtime.RuntimeError>
}

interface Held {
  readonly session: OpenSession
  readonly scope: Scope.Closeable
}

/** Sessions kept per worker: each holds an arena of activations. */
const LIMIT = 24

const only = (names: ReadonlySet<string>, tensors: Readonly<Record<string, HostTensor.HostTensor>>) =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => names.has(name)))

export const make = Effect.gen(function*() {
  const runtime = yield* Runtime.Runtime
  const parent = yield* Effect.scope
  const held = new Map<string, Held>()
  const programs = new Map<string, OnnxWriter.Program>()

  const open = Effect.fnUntraced(function*({ bound, key, outputs = {}, program, resident = {}, worker }: SessionSpec) {
    const written = programs.get(key) ?? program()
    programs.set(key, written)
    const inputs = new Set(written.inputs.map((port) => port.name))
    const prepared = only(inputs, bound)
    const varying = new Set([...inputs].filter((name) => !(name in prepared)))
    const kept = only(new Set(written.outputs.map((port) => port.name)), outputs)
    const fetches = written.outputs.map((port) => port.name).filter((name) => !(name in kept) && !(name in resident))
    const scope = yield* Scope.fork(parent)
    const session = yield* Scope.provide(runtime.open(worker, written.bytes, { bound: prepared, outputs: kept, resident, onHost: written.onHost }), scope)
    const opened: OpenSession = { run: (feeds, state) => session.run(only(varying, feeds), fetches, state) }
    return { session: opened, scope }
  })

  const get: Sessions["get"] = Effect.fnUntraced(function*(spec) {
    const key = `${spec.worker}|${spec.key}`
    const found = held.get(key)
    if (found !== undefined) {
      held.delete(key)
      held.set(key, found)
      return found.session
    }
    const mine = [...held.keys()].filter((name) => name.startsWith(`${spec.worker}|`))
    const oldest = mine.length >= LIMIT ? mine[0] : undefined
    const evicted = oldest === undefined ? undefined : held.get(oldest)
    if (oldest !== undefined && evicted !== undefined) {
      held.delete(oldest)
      programs.delete(oldest.slice(oldest.indexOf("|") + 1))
      yield* Scope.close(evicted.scope, Exit.void)
    }
    const made = yield* open(spec)
    held.set(key, made)
    return made.session
  })

  const sessions: Sessions = { get }
  return sessions
})
