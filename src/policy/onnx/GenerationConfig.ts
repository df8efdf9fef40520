/**
 * What a directory's generation_config.json can say. Nothing but its tokens is used here, but a saved model takes it
 * along, to programs that sample by it.
 */
import { Effect } from "effect"
import * as Rules from "../../kernels/math/Rules.ts"
import { PolicyError } from "../Policy.ts"

const { above, between, share, whole, yesOrNo } = Rules

const table: Rules.Table = {
  do_sample: yesOrNo,
  temperature: between(0, 100),
  top_p: share("[0, 1]"),
  top_k: whole(0),
  min_p: share("[0, 1]"),
  typical_p: share("[0, 1]"),
  repetition_penalty: above(0),
  max_length: whole(0),
  max_new_tokens: whole(1),
  num_beams: whole(1),
  num_return_sequences: whole(1)
}

/** Fails at the first field that is impossible, by its name. */
export const check = (path: string, fields: object): Effect.Effect<void, PolicyError> =>
  Effect.suspend(() => {
    const broken = Rules.brokenIn(table, fields)
    return broken === undefined
      ? Effect.void
      : Effect.fail(
        new PolicyError({ operation: "load", reason: `${path}/generation_config.json: ${Rules.say(broken)}` })
      )
  })
