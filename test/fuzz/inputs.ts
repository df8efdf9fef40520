/** Input number `at` of a run: which target it is for, and its bytes. The same wherever it is made. */
import { Effect } from "effect"
import * as Keyed from "../../src/kernels/math/Keyed.ts"
import { mutated } from "./mutate.ts"
import type { Target } from "./Target.ts"

/** The targets with their sound inputs. */
export const prepared = (targets: ReadonlyArray<Target>) =>
  Effect.forEach(targets, (target) => Effect.map(target.seeds, (seeds) => ({ target, seeds })))

export interface Prepared {
  readonly target: Target
  readonly seeds: ReadonlyArray<Uint8Array>
}

export const input = (all: ReadonlyArray<Prepared>, seed: number, at: number) => {
  const one = all[at % all.length]
  if (one === undefined) throw new RangeError("no target")
  const { seeds, target } = one
  // The first ones are the sound ones.
  const round = Math.floor(at / all.length)
  const sound = seeds[round]
  const bytes = sound ?? mutated(target.kind, seeds, Keyed.stream(seed, `${target.name}/${round}`))
  return { target, bytes }
}

/** The target that an input is for. */
export const nameOf = (all: ReadonlyArray<Prepared>, at: number): string => all[at % all.length]?.target.name ?? ""
