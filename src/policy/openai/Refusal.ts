/**
 * What a refusal is about: this one request, fields that the server does not know, the set-up, or only the moment.
 *
 * What a status leaves open, words decide. They differ from server to server, so they only move what they surely say: a
 * refusal of status 400 that nothing is known of counts as one of its request, and whoever asks notices when no request
 * is answered.
 */
import type { Complaint } from "./Complaint.ts"
import { optional, type OptionalField } from "./OptionalField.ts"
import * as Said from "./Wordings.ts"

export type Verdict =
  /** The server is unwell: the same may be answered later. */
  | { readonly about: "moment" }
  /** Its picture or its text: another request may be answered. */
  | { readonly about: "request" }
  /** Without them it may be answered. */
  | { readonly about: "fields"; readonly fields: ReadonlyArray<OptionalField> }
  /** No request will be answered before a person has changed something. */
  | { readonly about: "set-up"; readonly advice: string }

/** Nothing changes but how often is asked and what is known: a mention is enough. */
const lightly: ReadonlySet<OptionalField> = new Set(["n", "logprobs", "seed"])

/** Statuses by which servers refuse a field; older ones fall over it. */
const fieldStatuses: ReadonlySet<number | undefined> = new Set([undefined, 400, 403, 404, 422, 500, 501])

/** The fields that a refusal names: apart from its words or, without that, in them. */
const refusedFields = (complaint: Complaint, sent: ReadonlySet<string>): ReadonlyArray<OptionalField> => {
  const { codes, message, parameters, status } = complaint
  if (!fieldStatuses.has(status)) return []
  const ours = parameters.filter((name) => sent.has(name) || optional.some((field) => Said.mentioned[field].test(name)))
  const named = ours.length > 0 ? ours.join(" ") : message
  const plain = status === 400 || status === 422
  const words = [message, ...codes].join(" ")
  const fields = optional.filter((field) =>
    sent.has(field) && Said.mentioned[field].test(named) &&
    (field === "logprobs" || plain && lightly.has(field) || Said.notTaken.test(words))
  )
  // Where two are too much for a server, one is left.
  return fields.includes("temperature") && fields.includes("top_p") && /\bboth\b/i.test(message) ? ["top_p"] : fields
}

const key = "give a key of this server, with credit, as OPENAI_API_KEY"
const address = "check the address, with its /v1, and the model's name"
const vision = "choose a model that reads images"
const settings = "change that setting, or what is sent (--max-tokens-field, --extra; in a script maxTokensField, extra)"

const setUp = (advice: string): Verdict => ({ about: "set-up", advice })
const request: Verdict = { about: "request" }
const moment: Verdict = { about: "moment" }

/** A spent quota is reported as 429 too, and no waiting brings it back. */
const spent = /^(insufficient_(user_)?quota|billing_\w+)$/

/** @param sent the request's fields */
export const judge = (complaint: Complaint, sent: ReadonlySet<string>): Verdict => {
  const { codes, message, parameters, status } = complaint
  const words = [...codes, message].join(" ")
  switch (status) {
    case 401:
    case 402:
    case 407:
      return setUp(key)
    case 403:
      if (Said.hurried.test(words)) return moment
      if (Said.filtered.test(words) && !Said.account.test(words)) return request
      break
    case 429:
      if (codes.some((code) => spent.test(code))) return setUp(key)
      return /request too large/i.test(message) ? request : moment
    case 413:
    case 451:
      return request
    case undefined:
    case 400:
    case 422:
    case 500:
      if (Said.hurried.test(words)) return moment
      if (Said.blind.test(words)) return setUp(vision)
      if ([Said.filtered, Said.unreadable, Said.tooLong].some((pattern) => pattern.test(words))) return request
  }
  const fields = refusedFields(complaint, sent)
  if (fields.length > 0) return { about: "fields", fields }
  switch (status) {
    case undefined:
    case 400:
    case 422:
      if (Said.account.test(words)) return setUp(key)
      if (Said.noModel.test(words) || Said.page.test(message)) return setUp(address)
      if (Said.unknownField.test(words)) return setUp(settings)
      if (parameters.some((name) => name !== "messages" && sent.has(name))) return setUp(settings)
      return status === undefined ? moment : request
    case 403:
      return setUp(key)
    case 408:
    case 424:
    case 425:
      return moment
  }
  // What a server does not know how to do (501) it will not know later.
  return status !== undefined && status >= 500 && status !== 501 ? moment : setUp(address)
}
