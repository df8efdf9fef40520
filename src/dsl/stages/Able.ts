/**
 * What an engine cannot do, and answers that there is no room for, held against the settings of a whole pipeline before
 * its first step: what a last stage asks for must not come to light after hours.
 */
import { Effect } from "effect"
import * as Rules from "../../kernels/math/Rules.ts"
import { show } from "../../kernels/text/show.ts"
import { type Limit, Policy } from "../../policy/Policy.ts"
import type { Task } from "../Task.ts"
import type { Described } from "./described.ts"
import * as Room from "./Room.ts"
import * as Settings from "./Settings.ts"

/** A setting that needs something of the engine, where it is not what every engine can do. */
interface Need {
  readonly setting: string
  readonly limit: Limit
  /** What every engine can do. */
  readonly plain: unknown
}

const training: ReadonlyArray<string> = ["warmUp", "reinforce", "sft", "rft"]

/** Whether any of the stages trains the policy. */
export const trains = (stages: ReadonlyArray<Described>): boolean => stages.some(([stage]) => training.includes(stage))

const strengthening: ReadonlyArray<string> = ["reinforce", "rft"]

const needsOf = (stage: string, learnsFromDraws: boolean): ReadonlyArray<Need> => [
  { setting: "grammar", limit: "grammar", plain: "off" },
  ...(training.includes(stage) ? [{ setting: "practice", limit: "format", plain: undefined } as const] : []),
  ...(strengthening.includes(stage)
    ? [
      { setting: "format", limit: "format", plain: 0 },
      { setting: "kl", limit: "kl", plain: 0 },
      { setting: "entropy", limit: "entropy", plain: 0 }
    ] as const
    : []),
  ...(stage === "rft" || learnsFromDraws && ["generate", "reconstruct"].includes(stage)
    ? [{ setting: "temperature", limit: "temperature", plain: 1 } as const]
    : [])
]

/** What holds where the options say nothing. */
const settingsOf = (stage: string, options: object): object =>
  strengthening.includes(stage) ? Settings.filledStage(Settings.filled(options)) : options

/** Fails on the first setting that this engine cannot do. */
const abilities = (stages: ReadonlyArray<Described>) =>
  Effect.gen(function*() {
    const { unable = {} } = yield* Policy
    const learnsFromDraws = stages.some(([stage]) => stage === "reinforce")
    for (const [stage, options] of stages) {
      if (unable.training !== undefined && training.includes(stage)) {
        return yield* Settings.refuse(stage, {
          setting: "the policy",
          value: "one that only writes",
          expected: `one that learns: ${unable.training}`
        })
      }
      const settings = settingsOf(stage, options)
      const byDraws = Rules.at(settings, ["practice", "by"]) === "draws"
      for (const { limit, plain, setting } of needsOf(stage, learnsFromDraws)) {
        const why = setting === "practice" && byDraws ? undefined : unable[limit]
        const value = Rules.at(settings, [setting])
        if (why === undefined || value === undefined || value === plain) continue
        const expected = plain === undefined ? `to be left out: ${why}` : `${String(plain)}: ${why}`
        return yield* Settings.refuse(stage, { setting, value: show(value), expected })
      }
    }
  })

/** What is asked besides of a pipeline that is checked. */
export interface Options {
  /** Answers that are drawn behind its stages, by an evaluation. */
  readonly asked?: ReadonlyArray<Room.Drawn>
  /** Whether answers may be cut off: it is tried whether all goes through, for any model and task. */
  readonly tried?: boolean
}

/** Fails on the first setting that this engine cannot do, or that no answer of the task fits into. */
export const check = <A>(
  task: Task<A>,
  stages: ReadonlyArray<Described>,
  { asked = [], tried = false }: Options = {}
) =>
  Effect.gen(function*() {
    yield* abilities(stages)
    if (!tried) yield* Room.check(task, [...Room.drawnBy(stages), ...asked])
  })
