/**
 * Scenes of another difficulty than a model was trained on: figures on them are no figures of its own test half.
 */
import { Console, Effect, Option } from "effect"
import { Scenes } from "../data/index.ts"
import * as ModelCard from "../dsl/ModelCard.ts"
import { localOf } from "./engine/flags.ts"
import type { Study } from "./flags.ts"
import * as Saved from "./saved.ts"

type Asked = Pick<Study, "data" | "difficulty"> & Parameters<typeof Saved.modelOf>[0]

/** The difficulty that the model, or the adapter on it, was trained at; None where its card says of no scenes. */
const trainedAt = Effect.fnUntraced(function*(asked: Asked) {
  const { adapter = Option.none(), model } = localOf(asked)
  const cards = yield* Effect.forEach([...Option.toArray(adapter), model], ModelCard.dataIn)
  return Option.flatMap(Option.firstSomeOf(cards), Scenes.difficultyIn)
})

/** Says where the two differ, and returns what was said: for the report, too. */
export const tellOther = Effect.fnUntraced(function*(asked: Asked) {
  const { data, difficulty, remote = Option.none() } = asked
  // A server shows no card.
  if (Option.isSome(data) || Option.isSome(remote)) return []
  const trained = yield* trainedAt(asked)
  if (Option.isNone(trained) || trained.value === difficulty) return []
  const note = `${Saved.modelOf(asked)} was trained on scenes of difficulty ${trained.value}, and is asked about ` +
    `scenes of difficulty ${difficulty}: --difficulty ${trained.value} asks about such as it was trained on`
  yield* Console.error(note)
  return [note]
})
