/** What is made of a refusal, from its status and body. */
import { assert } from "@effect/vitest"
import { Result } from "effect"
import * as Complaint from "../../../src/policy/openai/Complaint.ts"
import { judge } from "../../../src/policy/openai/Refusal.ts"
import { readChoices } from "../../../src/policy/openai/Wire.ts"

const sent = new Set(["model", "messages", "temperature", "max_tokens", "top_p", "n", "seed", "logprobs"])

export type Case = readonly [status: number, body: unknown]

const text = (body: unknown) => typeof body === "string" ? body : JSON.stringify(body)

export const verdict = ([status, body]: Case) => {
  if (status !== 200) return judge(Complaint.ofText(status, text(body)), sent)
  const read = readChoices(text(body))
  assert.isTrue(Result.isFailure(read) && "complaint" in read.failure, text(body))
  return judge(
    (Result.getFailure(read) as { readonly value: { readonly complaint: Complaint.Complaint } }).value.complaint,
    sent
  )
}

/** A refusal in the shape of OpenAI. */
export const openai = (
  message: string,
  more: object = {}
) => ({ error: { message, type: "invalid_request_error", param: null, code: null, ...more } })
