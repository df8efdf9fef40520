/**
 * Scenes of another difficulty than a model was trained on: figures on them are no figures of its own test half.
 */
import { Console, Effect, Option } from "effect"
import { Scenes } from "../data/index.ts"
import * as ModelCard from "../dsl/ModelCard.ts"
import { show } from "../kernels/text/show.ts"
import { localOf } from "./engine/flags.ts"
import type { Study } from "./flags.ts"
import * as Saved from "./saved.ts"

type Asked = Pick<Study, "data" | "difficulty"> & Parameters<typeof Saved.modelOf>[0]

/** What the model, or the adapter on it, was trained on; None where its card does not say. */
const trainedOn = Effect.fnUntraced(function*(asked: Asked) {
  const { adapter = Option.none(), model } = localOf(asked)
  const cards = yield* Effect.forEach([...Option.toArray(adapter), model], ModelCard.toldIn)
  return Option.firstSomeOf(cards.map(({ data }) => data))
})

/** Says where the two differ, and returns what was said: for the report, too. */
export const tellOther = Effect.fnUntraced(function*(asked: Asked) {
  const { data, difficulty, remote = Option.none() } = asked
  // A server shows no card.
  if (Option.isSome(data) || Option.isSome(remote)) return []
  const name = yield* trainedOn(asked)
  const trained = Option.flatMap(name, Scenes.difficultyIn)
  if (Option.isNone(trained)) {
    const titled = Option.filter(name, Scenes.isTitle)
    if (Option.isNone(titled)) return []
    const note =
      `the model ${Saved.modelOf(asked)} was trained on scenes, and its card (README.md) says ${show(titled.value)}, ` +
      "which is no difficulty from 0 to 1: whether these are of another cannot be told"
    yield* Console.error(note)
    return [note]
  }
  if (trained.value === difficulty) return []
  const note =
    `the model ${Saved.modelOf(asked)} was trained on scenes of difficulty ${trained.value}, and is asked about ` +
    `scenes of difficulty ${difficulty}: --difficulty ${trained.value} asks about such as it was trained on`
  yield* Console.error(note)
  return [note]
})
