/**
 * What a refusal is about: this one request, fields that the server does not know, the account, the set-up, or only the moment.
 *
 * What a status leaves open, words decide. They differ from server to server, so they only move what they surely say: a refusal
 * of status 400 that nothing is known of counts as one of its request, and whoever asks notices when no request is answered.
 */
import type { Complaint } from "./Complaint.ts"

/** Fields that can be left out or said otherwise. */
export const optional = ["n", "logprobs", "seed", "temperature", "top_p", "max_tokens", "max_completion_tokens"] as const
export type Optional = typeof optional[number]

export type Verdict =
  /** The server is unwell: the same may be answered later. */
  | { readonly about: "moment" }
  /** Its picture or its text: another request may be answered. */
  | { readonly about: "request" }
  /** Without them it may be answered. */
  | { readonly about: "fields"; readonly fields: ReadonlyArray<Optional> }
  /** No request will be answered before a person has changed something. */
  | { readonly about: "set-up"; readonly advice: string }

const filtered = new RegExp([
  "content[_ -]?(filter|policy|management|moderation)", "responsible_?ai", "safety system", "moderation", "data_?inspection",
  "(inappropriate|prohibited|harmful)[_ ]content", "sensitive_?\\s?(content|information|words?)", "content exists risk", "high[ -]risk",
  "usage (policies|guidelines)", "violat\\w+ .{0,40}polic", "\\b(input|prompt|image|content)\\b.{0,40}\\bflagged", "blockreason", "敏感", "不安全"
].join("|"), "i")

const unreadable = new RegExp([
  "(invalid|unsupported|corrupt\\w*|broken|malformed|damaged|truncated|unreadable)[ _](base64[ _-]?)?(encoded )?(image|picture)",
  "(cannot|can not|can't|could not|couldn't|unable to|failed to) (process|read|decode|identify|load|open|parse)\\b.{0,40}\\b(image|picture)",
  "\\b(image|picture)s?\\b.{0,60}\\b(truncated|corrupt\\w*|too (large|small|big)|unknown format|exceeds?|could not be|cannot be|can't be)\\b",
  "invalid[_ ]base64", "image_parse_error", "image_too_(large|small)"
].join("|"), "i")

const tooLong = new RegExp([
  "context[_ ](length|window|size)", "maximum (model|context) length", "max_model_len", "string_above_max_length", "too many (input )?tokens",
  "\\b(prompt|input|messages?|request)\\b.{0,80}\\b(too (long|large)|longer than|exceeds?\\b.{0,40}\\b(tokens?|length|limit))", "reduce the length"
].join("|"), "i")

const blind = new RegExp([
  "(does not|doesn't|not) support (image|vision|visual|multi-?modal)", "\\b(image|vision|multi-?modal)( inputs?)? (is|are) (not|only) supported",
  "image_url is only supported", "images? (is|are)? ?not supported by", "not a multi-?modal model", "at most 0 image", "mmproj",
  "unknown variant `?image_url", "invalid value: '?(image_url|input_image)", "support image input", "content\\b.{0,40}\\bmust be a string"
].join("|"), "i")

const account = new RegExp([
  "(invalid|incorrect|missing|expired|wrong)[_ ]api[_ ]?key", "api[_ ]?key\\b.{0,40}\\b(not valid|invalid|missing|expired|required|not found|disabled)",
  "authentication", "unauthenticated", "unauthori[sz]ed", "insufficient[_ ]?(user[_ ])?(quota|balance|credits?|funds)", "credit balance", "billing",
  "arrear", "payment required", "exceeded your (current )?quota", "account\\b.{0,40}\\b(deactivated|suspended|disabled|not active|good standing)",
  "(location|country|region)\\b.{0,30}\\bnot supported", "余额不足", "欠费"
].join("|"), "i")

/** Too much at a time, by whatever status. */
const hurried = /rate[_ -]?limit|request rate|too many requests|throttl|overloaded/i

const noModel = new RegExp([
  "model[_ ]?not[_ ]?found", "\\bmodel\\b.{0,80}\\b(does not exist|not found|not exist|is not (available|loaded|deployed))",
  "(invalid|unknown|unsupported|no such) model\\b", "no models? (is |are )?loaded", "deploymentnotfound"
].join("|"), "i")

const unknownField = new RegExp([
  "unsupported[_ ](parameter|argument|field|value)", "unrecogni[sz]ed (request )?(argument|parameter|field)", "unknown (parameter|argument|field)",
  "extra inputs are not permitted", "extra_forbidden", "unexpected (keyword|field|argument)"
].join("|"), "i")

/** That a field, or its value, is not known: not that the value is too large for this request. */
const notTaken = new RegExp([
  "unsupported", "(not|n't)( be)? support", "unrecogni[sz]ed", "unknown", "unexpected", "(not|n't)( be)? (permit|allow|accept|enabled|available|implemented)",
  "forbidden", "\\binstead\\b", "deprecated", "only the default", "cannot both", "strictly positive", "greater than 0\\b", "> ?0\\b", "must be 1\\b", "\\bn ?= ?1\\b"
].join("|"), "i")

const mentioned: Readonly<Record<Optional, RegExp>> = {
  n: /(^|[\s'"`])n([\s'"`:=,.]|$)/,
  logprobs: /log[\s_-]?prob/i,
  seed: /\bseed\b/i,
  temperature: /\btemperature\b/i,
  top_p: /\btop[_ ]?p\b/i,
  max_tokens: /\bmax_tokens\b/i,
  max_completion_tokens: /\bmax_completion_tokens\b/i
}

/** Nothing changes but how often is asked and what is known: a mention is enough. */
const lightly: ReadonlySet<Optional> = new Set(["n", "logprobs", "seed"])

/** Statuses by which servers refuse a field; older ones fall over it. */
const fieldStatuses: ReadonlySet<number | undefined> = new Set([undefined, 400, 403, 404, 422, 500, 501])

const refusedFields = ({ codes, message, parameters, status }: Complaint, sent: ReadonlySet<string>): ReadonlyArray<Optional> => {
  if (!fieldStatuses.has(status)) return []
  const ours = parameters.filter((name) => sent.has(name) || optional.some((field) => mentioned[field].test(name)))
  const named = ours.length > 0 ? ours.join(" ") : message
  const plain = status === 400 || status === 422
  const words = [message, ...codes].join(" ")
  const fields = optional.filter((field) =>
    sent.has(field) && mentioned[field].test(named) &&
    (field === "logprobs" || plain && lightly.has(field) || notTaken.test(words)))
  // Where two are too much for a server, one is left.
  return fields.includes("temperature") && fields.includes("top_p") && /\bboth\b/i.test(message) ? ["top_p"] : fields
}

const key = "give a key of this server, with credit, as OPENAI_API_KEY"
const address = "check the address, with its /v1, and the model's name"
const vision = "choose a model that reads images"
const settings = "change that setting, or what is sent (maxTokensField, extra)"

const setUp = (advice: string): Verdict => ({ about: "set-up", advice })
const request: Verdict = { about: "request" }
const moment: Verdict = { about: "moment" }

/** A spent quota is reported as 429 too, and no waiting brings it back. */
const spent = /^(insufficient_(user_)?quota|billing_\w+)$/

const page = /^\s*<(!doctype|html)/i

/**
 * @param sent the request's fields
 */
export const judge = (complaint: Complaint, sent: ReadonlySet<string>): Verdict => {
  const { codes, message, parameters, status } = complaint
  const words = [...codes, message].join(" ")
  switch (status) {
    case 401:
    case 402:
    case 407:
      return setUp(key)
    case 403:
      if (hurried.test(words)) return moment
      if (filtered.test(words) && !account.test(words)) return request
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
      if (hurried.test(words)) return moment
      if (blind.test(words)) return setUp(vision)
      if (filtered.test(words) || unreadable.test(words) || tooLong.test(words)) return request
  }
  const fields = refusedFields(complaint, sent)
  if (fields.length > 0) return { about: "fields", fields }
  switch (status) {
    case undefined:
    case 400:
    case 422:
      if (account.test(words)) return setUp(key)
      if (noModel.test(words) || page.test(message)) return setUp(address)
      if (unknownField.test(words) || parameters.some((name) => name !== "messages" && sent.has(name))) return setUp(settings)
      return status === undefined ? moment : request
    case 403:
      return setUp(key)
    case 408:
    case 424:
    case 425:
      return moment
  }
  return status !== undefined && status >= 500 ? moment : setUp(address)
}
