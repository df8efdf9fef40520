/**
 * What servers say when they refuse, in their own words: OpenAI, Azure, Google, Anthropic, Mistral, OpenRouter, Groq,
 * DashScope, vLLM, SGLang, TGI, llama.cpp, Ollama, LM Studio and gateways before them.
 */
import type { OptionalField } from "./OptionalField.ts"

const any = (...patterns: ReadonlyArray<string>): RegExp => new RegExp(patterns.join("|"), "i")

/** The content is not wanted. */
export const filtered = any(
  "content[_ -]?(filter|policy|management|moderation)",
  "responsible_?ai|safety system|moderation|data_?inspection|blockreason",
  "(inappropriate|prohibited|harmful)[_ ]content|content exists risk|high[ -]risk",
  "sensitive_?\\s?(content|information|words?)",
  "usage (policies|guidelines)|violat\\w+ .{0,40}polic",
  "\\b(input|prompt|image|content)\\b.{0,40}\\bflagged",
  "敏感|不安全"
)

/** The picture cannot be used. */
export const unreadable = any(
  "(invalid|unsupported|corrupt\\w*|broken|malformed|damaged|truncated|unreadable)[ _](base64[ _-]?)?(encoded " +
    ")?(image|picture)",
  "(cannot|can not|can't|could not|couldn't|unable to|failed to) " +
    "(process|read|decode|identify|load|open|parse)\\b.{0,40}\\b(image|picture)",
  "\\b(image|picture)s?\\b.{0,60}\\b(truncated|corrupt\\w*|too (large|small|big)|unknown format|exceeds?)\\b",
  "\\b(image|picture)s?\\b.{0,60}\\b(could not|cannot|can't) be\\b",
  "invalid[_ ]base64|image_parse_error|image_too_(large|small)"
)

/** Picture and text are too much for the model. */
export const tooLong = any(
  "context[_ ](length|window|size)|maximum (model|context) length|max_model_len",
  "string_above_max_length|too many (input )?tokens|reduce the length",
  "\\b(prompt|input|messages?|request)\\b.{0,80}\\b(too (long|large)|longer than)",
  "\\b(prompt|input|messages?|request)\\b.{0,80}\\bexceeds?\\b.{0,40}\\b(tokens?|length|limit)"
)

/** The model takes no pictures. */
export const blind = any(
  "(does not|doesn't|not) support (image|vision|visual|multi-?modal)|support image input|images? not supported by",
  "\\b(image|vision|multi-?modal)( inputs?)? (is|are) (not|only) supported|image_url is only supported",
  "not a multi-?modal model|at most 0 image|mmproj",
  "unknown variant `?image_url|invalid value: '?(image_url|input_image)",
  "content\\b.{0,40}\\bmust be a string"
)

/** The key, or what stands behind it. */
export const account = any(
  "(invalid|incorrect|missing|expired|wrong)[_ ]api[_ ]?key",
  "api[_ ]?key\\b.{0,40}\\b(not valid|invalid|missing|expired|required|not found|disabled)",
  "authentication|unauthenticated|unauthori[sz]ed|payment required|credit balance|billing|arrear",
  "insufficient[_ ]?(user[_ ])?(quota|balance|credits?|funds)|exceeded your (current )?quota",
  "account\\b.{0,40}\\b(deactivated|suspended|disabled|not active|good standing)",
  "(location|country|region)\\b.{0,30}\\bnot supported",
  "余额不足|欠费"
)

/** Too much at a time, by whatever status. */
export const hurried = any("rate[_ -]?limit|request rate|too many requests|throttl|overloaded")

/** The model is not there. */
export const noModel = any(
  "model[_ ]?not[_ ]?found|deploymentnotfound|(invalid|unknown|unsupported|no such) model\\b",
  "\\bmodel\\b.{0,80}\\b(does not exist|not found|not exist|is not (available|loaded|deployed))",
  "no models? (is |are )?loaded"
)

/** A field that nothing here can leave out. */
export const unknownField = any(
  "unsupported[_ ](parameter|argument|field|value)|unrecogni[sz]ed (request )?(argument|parameter|field)",
  "unknown (parameter|argument|field)|unexpected (keyword|field|argument)",
  "extra inputs are not permitted|extra_forbidden"
)

/** A field, or its value, is not known: not that the value is too large for this request. */
export const notTaken = any(
  "unsupported|(not|n't)( be)? support|unrecogni[sz]ed|unknown|unexpected|forbidden|deprecated",
  "(not|n't)( be)? (permit|allow|accept|enabled|available|implemented)",
  "\\binstead\\b|only the default|cannot both",
  "strictly positive|greater than 0\\b|> ?0\\b|must be 1\\b|\\bn ?= ?1\\b"
)

/** How each field is spoken of. */
export const mentioned: Readonly<Record<OptionalField, RegExp>> = {
  n: /(^|[\s'"`])n([\s'"`:=,.]|$)/,
  logprobs: /log[\s_-]?prob/i,
  seed: /\bseed\b/i,
  temperature: /\btemperature\b/i,
  top_p: /\btop[_ ]?p\b/i,
  max_tokens: /\bmax_tokens\b/i,
  max_completion_tokens: /\bmax_completion_tokens\b/i
}

/** A page, not an error of this protocol. */
export const page = /^\s*<(!doctype|html)/i
