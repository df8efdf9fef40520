/** What servers answer. */
import { Effect, Result } from "effect"
import * as Complaint from "../../../src/policy/openai/Complaint.ts"
import { completionOf } from "../../../src/policy/openai/Reading.ts"
import * as Wire from "../../../src/policy/openai/Wire.ts"
import { values } from "../data.ts"
import type { Target } from "../Target.ts"

const logprobs = { content: [{ token: "sun", logprob: -0.1, bytes: [115, 117, 110], top_logprobs: [] }] }

export const target: Target = {
  name: "openai",
  kind: "json",
  seeds: values(
    {
      id: "x",
      choices: [{ index: 0, message: { role: "assistant", content: "sun" }, finish_reason: "stop", logprobs }]
    },
    { choices: [{ message: { content: null, reasoning_content: "It shines." }, finish_reason: "length" }] },
    { error: { message: "too long", type: "invalid_request_error", code: 400, param: "max_tokens" } },
    { detail: [{ loc: ["body", "model"], msg: "field required", type: "missing" }] },
    { error: { message: "bad", metadata: { raw: "{\"error\":\"inner\"}" } } }
  ),
  run: (input) =>
    Effect.sync(() => {
      const text = Buffer.from(input).toString()
      Complaint.ofText(400, text)
      const read = Wire.readChoices(text)
      if (Result.isFailure(read)) return false
      read.success.forEach(completionOf)
      return true
    })
}
