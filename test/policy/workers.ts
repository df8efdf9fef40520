/**
 * Worker threads that the policies of one test file share, one policy after the other, with the sessions that those
 * before have opened: opening them is most of what a small policy costs.
 */
import { afterAll } from "@effect/vitest"
import { type Context, Effect, Exit, Layer, Scope } from "effect"
import { Runtime } from "../../src/kernels/runtime/index.ts"

/** Called by a test file, whose end is theirs: the layer with so many workers. */
export const sharing = (): (workers: number) => Layer.Layer<Runtime.Runtime> => {
  const scope = Scope.makeUnsafe()
  const started = new Map<number, Promise<Context.Context<Runtime.Runtime>>>()
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const start = (workers: number) => {
    const services = started.get(workers) ??
      Effect.runPromise(Layer.buildWithScope(Runtime.layer({ workers, keep: 32 }), scope))
    started.set(workers, services)
    return services
  }
  return (workers) => Layer.effectContext(Effect.promise(() => start(workers)))
}
