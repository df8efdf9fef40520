/**
 * What a server says is wrong, in whatever shape it says it.
 *
 * OpenAI nests it under `error`, Google wraps that in a list, FastAPI calls it `detail` and lists fields, older vLLM
 * servers send it bare, gateways quote another server's words, and some send only a sentence or a page.
 */
import { Option, Result, Schema } from "effect"
import { show } from "../../kernels/text/show.ts"
import * as Json from "../../kernels/weights/Json.ts"

export interface Complaint {
  /** Of HTTP, or the one that an error in an answer of status 200 bears as its code; none where it bears none. */
  readonly status: number | undefined
  /** In words; the whole body where there are none that can be read. */
  readonly message: string
  /** Names of the kind of error, such as "insufficient_quota". */
  readonly codes: ReadonlyArray<string>
  /** Request fields that are named apart from the words. */
  readonly parameters: ReadonlyArray<string>
}

type Fields = Readonly<Record<string, Schema.Json>>

const isFields = (value: Schema.Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const present = (value: Schema.Json | undefined): value is Schema.Json =>
  value !== undefined && value !== null && value !== ""

/** The first that is there: a string as it is, anything else as JSON. */
const worded = (...values: ReadonlyArray<Schema.Json | undefined>): string | undefined => {
  const found = values.find(present)
  return found === undefined || typeof found === "string" ? found : show(found, 500)
}

/** FastAPI's list of fields that are wrong. */
const Details = Schema.Array(Schema.Struct({ loc: Schema.Array(Schema.Union([Schema.String, Schema.Finite])) }))

/** The request's own fields in such a list: `["body", "max_tokens"]`. */
const detailed = (value: Schema.Json | undefined): ReadonlyArray<string> =>
  Option.match(Schema.decodeUnknownOption(Details)(value), {
    onNone: () => [],
    onSome: (details) =>
      details.flatMap(({ loc }) => {
        const [at, field] = loc
        return typeof field === "string" && at === "body" ? [field] : []
      })
  })

const first = (value: Schema.Json | undefined): Schema.Json | undefined => Array.isArray(value) ? value[0] : value

/** The part of a body that complains: all of it where nothing is nested. */
const complaining = (body: Fields): Schema.Json =>
  [body["error"], first(body["errors"]), body["base_resp"]]
    .find((value) => present(value) && typeof value !== "boolean") ?? body

const codesOf = (part: Fields): ReadonlyArray<string> => {
  const inner = part["innererror"]
  return [part["code"], part["type"], part["status"], part["status_code"], isFields(inner) ? inner["code"] : undefined]
    .filter((value) => (typeof value === "string" && value !== "") || (typeof value === "number" && value !== 0))
    .map(String)
}

/** What a gateway quotes of the server behind it. */
const quoted = ({ metadata }: Fields): string | undefined => isFields(metadata) ? worded(metadata["raw"]) : undefined

const statusIn = (codes: ReadonlyArray<string>): number | undefined => {
  const found = codes.find((code) => /^[45]\d\d$/.test(code))
  return found === undefined ? undefined : Number(found)
}

/** The complaint of a body that is one. */
export const ofJson = (json: Schema.Json): Option.Option<Complaint> => {
  const body = first(json)
  if (typeof body === "string" && body !== "") {
    return Option.some({ status: undefined, message: body, codes: [], parameters: [] })
  }
  if (!isFields(body)) return Option.none()
  const part = complaining(body)
  const fields = isFields(part) ? part : body
  const message = isFields(part)
    ? worded(part["message"], part["msg"], part["status_msg"], part["detail"], body["message"], body["detail"])
    : worded(part)
  const codes = codesOf(fields)
  if (message === undefined && codes.length === 0) return Option.none()
  const beside = quoted(fields)
  const inside = fields["message"]
  return Option.some({
    status: statusIn(codes),
    message: [message ?? codes.join(" "), ...(beside === undefined ? [] : [beside])].join(": "),
    codes,
    parameters: [
      ...(typeof fields["param"] === "string" ? [fields["param"]] : []),
      ...detailed(body["detail"]),
      ...detailed(isFields(inside) ? inside["detail"] : undefined)
    ]
  })
}

const parse = Schema.decodeUnknownOption(Json.text(Schema.Json))

/** The complaint of a refusing answer's body. */
export const ofText = (status: number, text: string): Complaint => {
  const raw = { message: text, codes: [], parameters: [] }
  // What is nested without end is shown as it came.
  const read = Result.try(() => Option.flatMap(parse(text), ofJson))
  return { ...Option.getOrElse(Result.getOrElse(read, Option.none), () => raw), status }
}
