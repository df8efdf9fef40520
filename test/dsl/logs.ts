/** What an effect logs, and its result. */
import { Effect, Logger } from "effect"

export const logs = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    const result = yield* Effect.result(effect).pipe(Effect.provide(Logger.layer([logger])))
    return { lines, result }
  })
