/** Refusals that name fields, in the words of real servers. */
import { assert, describe, it } from "@effect/vitest"
import { type Case, openai, verdict } from "./verdict.ts"

describe("a refusal", () => {
  const fieldsOf = (one: Case): ReadonlyArray<string> => {
    const found = verdict(one)
    return found.about === "fields" ? [...found.fields] : [found.about]
  }

  it("is about fields where it names some that were sent", () => {
    for (const status of [400, 403, 404, 422, 500, 501]) {
      for (
        const words of [
          "Logprobs is not enabled",
          "log_probs are not supported",
          "this model has no logprob",
          "log-probabilities unavailable"
        ]
      ) {
        assert.deepStrictEqual(fieldsOf([status, openai(words)]), ["logprobs"], `${status} ${words}`)
      }
    }
    const cases: ReadonlyArray<readonly [Case, ReadonlyArray<string>]> = [
      [
        [
          400,
          openai(
            "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
            { param: "max_tokens", code: "unsupported_parameter" }
          )
        ],
        ["max_tokens"]
      ],
      [
        [
          400,
          openai(
            "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
          )
        ],
        ["max_tokens"]
      ],
      [
        [
          400,
          openai(
            "'temperature' does not support 0 with this model. Only the default (1) value is supported.",
            { param: "temperature", code: "unsupported_value" }
          )
        ],
        ["temperature"]
      ],
      [
        [422, { error: "Input validation error: `temperature` must be strictly positive", error_type: "validation" }],
        ["temperature"]
      ],
      [
        [400, openai("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")],
        ["top_p"]
      ],
      [
        [
          422,
          {
            object: "error",
            message: {
              detail: [
                { type: "extra_forbidden", loc: ["body", "seed"], msg: "Extra inputs are not permitted", input: 1 }
              ]
            }
          }
        ],
        ["seed"]
      ],
      [
        [
          422,
          {
            detail: [
              { loc: ["body", "n"], msg: "Extra inputs are not permitted" },
              { loc: ["body", "seed"], msg: "Extra inputs are not permitted" }
            ]
          }
        ],
        ["n", "seed"]
      ],
      [[400, openai("Only n=1 is supported")], ["n"]],
      [[200, { error: { code: 400, message: "unknown field `seed`" } }], ["seed"]]
    ]
    for (const [one, expected] of cases) assert.deepStrictEqual(fieldsOf(one), expected, JSON.stringify(one))
  })
})
