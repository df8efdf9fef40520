/**
 * What a stage remembers from step to step. It is kept with the stage's checkpoints, so that it is plain JSON.
 */
import { Effect, Schema } from "effect"
import { RunFileError } from "../RunError.ts"

/** A value that a stage changes as it goes. */
export interface Memory<A> {
  value: A
}

/** A memory, as the loop that keeps it sees it. */
export interface Kept {
  readonly name: string
  readonly state: () => Schema.Json
  /** Takes back what was kept. */
  readonly resume: (state: Schema.Json | undefined) => Effect.Effect<void, RunFileError>
}

export const make = <A>(
  name: string,
  codec: Schema.Codec<A, Schema.Json>,
  initial: A
): Memory<A> & Kept => {
  const encode = Schema.encodeSync(codec)
  const memory: Memory<A> & Kept = {
    name,
    value: initial,
    state: () => encode(memory.value),
    resume: (state) =>
      Schema.decodeUnknownEffect(codec)(state).pipe(
        Effect.map((value) => void (memory.value = value)),
        Effect.mapError((cause) =>
          new RunFileError({ path: name, reason: "what a stage remembered is not what this version writes", cause })
        )
      )
  }
  return memory
}
