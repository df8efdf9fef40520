/**
 * Training at an engine, for commands: what is looked at before work, and what a plan can say.
 */
import { Effect, Layer, Option } from "effect"
import * as Able from "../../dsl/stages/Able.ts"
import type { Described } from "../../dsl/stages/described.ts"
import type { Task } from "../../dsl/Task.ts"
import type { Policy } from "../../policy/index.ts"
import type { Study } from "../flags.ts"
import { type Engine, trains } from "./flags.ts"
import * as At from "./policy.ts"

export { referenced } from "./policy.ts"
export { trains }
export { workload } from "./workload.ts"

/** Threads of this process: where an engine computes one is enough, and no device. */
export const threads = <F extends Engine & Pick<Study, "device" | "workers">>(flags: F): F =>
  trains(flags) ? { ...flags, device: "cpu", workers: Option.some(1) } : flags

/** Fails where the engine that the flags name is not there, or does not serve the model. */
export const reach = (flags: At.Flags) =>
  Option.match(At.at(flags), {
    onNone: () => Effect.void,
    onSome: (at) => Effect.andThen(At.check(flags, at), Effect.asVoid(At.reach(at)))
  })

/** Fails on what can be told without sending anything. */
export const check = (flags: At.Flags) =>
  Option.match(At.at(flags), { onNone: () => Effect.void, onSome: (at) => At.check(flags, at) })

/** Opens the policy once, which tries pictures and losses, and holds what it can do against all methods. */
export const able = <A, E, R>(
  policy: Layer.Layer<Policy, E, R>,
  methods: ReadonlyArray<{ readonly task: Task<A>; readonly described: ReadonlyArray<Described> }>,
  tried: boolean
) =>
  Effect.forEach(methods, ({ described, task }) => Able.check(task, described, { tried }), { discard: true }).pipe(
    Effect.provide(Layer.fresh(policy))
  )
