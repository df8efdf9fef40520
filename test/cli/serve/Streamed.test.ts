/** A stream that is told while its answer is drawn has the events of one that is told afterwards. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as ChatBody from "../../../src/cli/serve/ChatBody.ts"
import * as ChatFields from "../../../src/cli/serve/ChatFields.ts"
import * as Stops from "../../../src/cli/serve/Stops.ts"
import * as Streamed from "../../../src/cli/serve/Streamed.ts"
import type { Completion } from "../../../src/policy/Policy.ts"
import { end, own, tokenizer } from "./spelling.ts"

const completion = (tokens: Int32Array, text: string): Completion => (
  { text, tokens, logprobs: Float32Array.from(tokens, (_, i) => -i), finish: "stop" }
)

const known = { id: "chatcmpl-1", created: 1 }

/** The events of a stream as they come, and those of the whole answer. */
const both = (completions: ReadonlyArray<Completion>, stops: ReadonlyArray<string>, ids: boolean) => {
  const fields = Effect.runSync(ChatFields.read(
    { model: "m", messages: [{}], logprobs: true, ...(ids && { return_token_ids: true }) },
    16
  ))
  const request = { fields, images: [], text: "", grammar: undefined, stops, count: completions.length, maxTokens: 9 }
  const early: Array<Array<string>> = completions.map(() => [])
  const streamed = Streamed.make(tokenizer, completions.length, stops, (index, piece) => {
    early[index]?.push(ChatBody.told("m", known, request, index, piece))
  })
  const longest = Math.max(...completions.map(({ tokens }) => tokens.length))
  const settled: Array<number> = []
  for (let at = 0; at < longest; at++) {
    for (const [candidate, { logprobs, tokens }] of completions.entries()) {
      const token = tokens[at]
      if (token !== undefined) streamed.listen?.({ candidate, at, token, logprob: logprobs[at] ?? NaN })
    }
    // What was told once is told once, whatever is said again.
    streamed.listen?.({ candidate: 0, at: 0, token: completions[0]!.tokens[0]!, logprob: 0 })
    settled.push(early.flat().length)
  }
  const answer = {
    ...known,
    choices: completions.map((each) => Stops.told(each, tokenizer, stops)),
    usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }
  }
  const rest = ChatBody.events("m", answer, request, streamed.told)
  const whole = ChatBody.events("m", answer, request, [])
  const of = (events: ReadonlyArray<string>, index: number) =>
    events.filter((event) => event.includes(`"choices":[{"index":${index},`))
  return { early, rest, whole, of, settled }
}

const stopping = ["joy", " fa", "\n", "</answer>", "🙂", "e"]

describe("Streamed", () => {
  it.effect.prop(
    "has the events of a stream that is told afterwards, whatever is written and stopped at",
    [
      Schema.Array(Schema.String.check(Schema.isMaxLength(40))).check(Schema.isMinLength(1), Schema.isMaxLength(3)),
      Schema.Boolean
    ],
    ([texts, more]) =>
      Effect.sync(() => {
        if (texts.some((text) => !text.isWellFormed() || /<\|/.test(text) || text === "")) return
        for (const stops of [[], stopping.slice(0, 2), stopping.slice(2)]) {
          const drawn = texts.map((text, i) => {
            const spoken = more ? `${text} the happy face 🙂 joy \n\n${text}` : text
            const tokens = Int32Array.from([...own.encode(spoken), ...(i === 0 ? [end] : [])])
            return completion(tokens, own.decode(own.encode(spoken)).trim())
          })
          const { early, of, rest, whole } = both(drawn, stops, more)
          drawn.forEach((_, i) => assert.deepStrictEqual([...early[i]!, ...of(rest, i)], of(whole, i)))
        }
      })
  )

  it("tells a token as soon as the next one is drawn, and keeps back what may become a stop", () => {
    const tokens = Int32Array.from([...own.encode(" the happy face joy"), end])
    const drawn = [completion(tokens, "the happy face joy")]
    assert.deepStrictEqual(both(drawn, [], false).settled, [0, 1, 2, 3, 4])
    // "joy" is three characters: the last two may be its beginning.
    const { early, rest, settled } = both(drawn, ["joy"], false)
    assert.isAtLeast(settled[3]!, 2)
    assert.strictEqual(
      [...early.flat(), ...rest].join("").match(/"content":"[^"]*"/g)?.map((each) => JSON.parse(`{${each}}`).content)
        .join(""),
      "the happy face "
    )
  })
})
