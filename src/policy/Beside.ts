/**
 * Files that lie beside what is saved of a policy, such as the task that it was taught: known to whoever teaches it,
 * and written where an adapter is saved alone.
 */
import { Effect, FileSystem, Path } from "effect"
import { type Policy, PolicyError } from "./Policy.ts"

type Texts = Readonly<Record<string, string>>

const known = new WeakMap<Policy["Service"], Texts>()

/** What is saved of the policy from now on has these texts beside it, by their names; none where it was taught none. */
export const put = (policy: Policy["Service"], texts: Texts): Effect.Effect<void> =>
  Effect.sync(() => void known.set(policy, texts))

/** Writes them into a directory that was just saved. */
export const write = (
  policy: Policy["Service"],
  directory: string
): Effect.Effect<void, PolicyError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    for (const [name, text] of Object.entries(known.get(policy) ?? {})) {
      yield* fs.writeFileString(join(directory, name), text)
    }
  }).pipe(Effect.mapError((cause) => new PolicyError({ operation: "save", reason: cause.message, cause })))
