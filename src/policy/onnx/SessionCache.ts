/** Open sessions by what they compute: made on first use, closed when the least recently used are in the way. */
import { Effect, Exit, Scope, Semaphore } from "effect"
import type { OnnxWriter } from "../../kernels/graph/index.ts"
import { type HostTensor, Runtime } from "../../kernels/runtime/index.ts"

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
  /**
   * Weights that become part of the session, where reading them live costs more than opening it anew for every version.
   */
  readonly prepacked?: Prepacked
  /**
   * The folder that initializers of the program lie in; unless they are prepacked their pages are shared by all
   * sessions.
   */
  readonly mapped?: { readonly folder: string; readonly prepack: boolean }
}

/** A version of the weights for the initializers of a program to point into. */
export interface Prepacked {
  readonly version: number
  readonly externalData?: NonNullable<Runtime.SessionOptions["externalData"]>
}

/** A session that feeds itself the inputs it has, whatever else is offered. */
export interface OpenSession {
  readonly run: (
    feeds: Readonly<Record<string, HostTensor.HostTensor>>,
    state?: Runtime.ResidentState
  ) => Effect.Effect<Record<string, HostTensor.HostTensor>, Runtime.RuntimeError>
}

export interface Sessions {
  /** A session that is opened, or opened again, when it is run. A worker runs one at a time, so none closes in use. */
  readonly of: (spec: SessionSpec) => OpenSession
}

interface Held {
  readonly session: OpenSession
  /** Of its prepacked weights; undefined where they are live. */
  readonly version: number | undefined
  /** Whether it maps weights and prepacks none of them. */
  readonly mapping: boolean
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

  const open = Effect.fnUntraced(
    function*({ bound, key, mapped, outputs = {}, prepacked, program, resident = {}, worker }: SessionSpec) {
      const written = programs.get(key) ?? program()
      programs.delete(key)
      programs.set(key, written)
      // A session that is opened again with a program that is gone has it written again.
      if (programs.size > LIMIT * runtime.workers) programs.delete(programs.keys().next().value ?? "")
      const inputs = new Set(written.inputs.map((port) => port.name))
      const prepared = only(inputs, bound)
      const varying = new Set([...inputs].filter((name) => !(name in prepared)))
      const kept = only(new Set(written.outputs.map((port) => port.name)), outputs)
      const fetches = written.outputs.map((port) => port.name).filter((name) => !(name in kept) && !(name in resident))
      const scope = yield* Scope.fork(parent)
      const session = yield* Scope.provide(
        runtime.open(worker, written.bytes, {
          bound: prepared,
          outputs: kept,
          resident,
          onHost: written.onHost,
          ...(prepacked?.externalData && { externalData: prepacked.externalData }),
          ...(mapped && { modelFolder: mapped.folder, prepack: mapped.prepack })
        }),
        scope
      )
      const opened: OpenSession = { run: (feeds, state) => session.run(only(varying, feeds), fetches, state) }
      const made: Held = {
        session: opened,
        scope,
        version: prepacked?.version,
        mapping: mapped !== undefined && prepacked === undefined
      }
      return made
    }
  )

  const get = Effect.fnUntraced(function*(spec: SessionSpec) {
    const key = `${spec.worker}|${spec.key}`
    const found = held.get(key)
    if (found !== undefined && found.version === spec.prepacked?.version) {
      held.delete(key)
      held.set(key, found)
      return found.session
    }
    const mine = [...held].filter(([name]) => name.startsWith(`${spec.worker}|`))
    // A prepacked session holds a copy of the weights: one a worker, and never a stale one.
    const outdated = spec.prepacked !== undefined ?
      mine.filter(([, { version }]) => version !== undefined)
      // Mapped pages count for every session that maps them, and opening it again costs next to nothing: one a worker
      // too.
      : spec.mapped !== undefined ?
      mine.filter(([, { mapping }]) => mapping)
      : []
    const oldest = outdated.length === 0 && mine.length >= LIMIT ? mine.slice(0, 1) : []
    for (const [name, { scope }] of [...outdated, ...oldest]) {
      held.delete(name)
      if (name !== key && spec.mapped === undefined) programs.delete(name.slice(name.indexOf("|") + 1))
      yield* Scope.close(scope, Exit.void)
    }
    const made = yield* open(spec)
    held.set(key, made)
    return made.session
  })

  const turns = Array.from({ length: runtime.workers }, () => Semaphore.makeUnsafe(1))
  const sessions: Sessions = {
    of: (spec) => ({
      run: (feeds, state) => {
        const once = Effect.flatMap(get(spec), (session) => session.run(feeds, state))
        return turns[spec.worker]?.withPermits(1)(once) ?? once
      }
    })
  }
  return sessions
})
