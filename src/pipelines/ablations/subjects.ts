/**
 * The tasks that the grid is run on. Another task is another `Subject.make` in this list.
 */
import { Effect, Option } from "effect"
import { Scenes } from "../../data/index.ts"
import { Emotion6 } from "../../tasks/classification/index.ts"
import * as Source from "../source.ts"
import * as Subject from "./Subject.ts"

export interface SubjectOptions {
  /** A folder with manifests in place of the embedded scenes. */
  readonly data: Option.Option<string>
}

const emotion6 = ({ data }: SubjectOptions) =>
  Subject.make({
    name: "emotion6",
    source: Option.getOrElse(data, () => "embedded scenes (synthetic)"),
    measures: [{ name: "JSD", direction: "lower" }],
    ...(Option.isNone(data) ? { sizes: { ...Scenes.Scenes.sizes, perShot: Emotion6.labels.length } } : {}),
    open: ({ seed, shots }) =>
      Effect.map(
        Source.open({ task: Emotion6.task, data, seed, shots: shots === "full" ? Option.none() : Option.some(shots) }),
        ({ cuesNamed, test, train }) => ({ task: Emotion6.task, train, test, ...(cuesNamed === undefined ? {} : { cuesNamed }) })
      ),
    prior: Source.meanDistribution
  })

/** All tasks of the paper that can be run here. */
export const subjects = (options: SubjectOptions) => [emotion6(options)]
