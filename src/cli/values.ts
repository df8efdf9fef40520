/**
 * Flags whose values are read strictly, within stated bounds, and refused in words.
 */
import { CliError, Flag } from "effect/cli"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Spelling from "../data/Spelling.ts"
import * as Json from "../kernels/weights/Json.ts"
import { shownAddress } from "../policy/http/Address.ts"

/** A number as people write it: no blanks, no hexadecimals, no "Infinity". */
const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i

/** Reads a text, or refuses it with what was expected. */
const read = <A>(name: string, metavar: string, expected: string, reads: (text: string) => Effect.Effect<A, unknown>) =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.mapEffect((value) =>
      Effect.mapError(reads(value), () => new CliError.InvalidValue({ option: name, value, expected, kind: "flag" }))
    )
  )

const number = (name: string, metavar: string, expected: string, fits: (value: number) => boolean): Flag.Flag<number> =>
  read(
    name,
    metavar,
    expected,
    (text) => decimal.test(text) && fits(Number(text)) ? Effect.succeed(Number(text)) : Effect.fail(text)
  )

/** A text that is not empty. `what` it is completes "wants a value: …". */
export const text = (name: string, metavar: string, what: string): Flag.Flag<string> =>
  read(name, metavar, what, (text) => text.trim() === "" ? Effect.fail(text) : Effect.succeed(text))

/** Kinds of servers, and what is said to somebody who names another. */
const servers = {
  tinker: "tinker=URL, such as tinker=http://gpu-host:8000 (a vLLM draws and does not train: --sampler vllm=URL)",
  vllm: "vllm=URL, or several with commas: vllm=http://gpu-1:8000/v1,http://gpu-2:8000/v1"
} as const

/** The addresses of servers of a kind: what stands behind `KIND=`, as it was typed. */
export const addresses = (name: string, kind: keyof typeof servers): Flag.Flag<ReadonlyArray<string>> =>
  Flag.String(name).pipe(
    Flag.withMetavar(kind === "tinker" ? "tinker=URL" : "vllm=URL,URL"),
    Flag.mapEffect((value) => {
      const found = value.startsWith(`${kind}=`)
        ? value.slice(kind.length + 1).split(",").map((address) => address.trim())
        : []
      return found.length > 0 && found.every((address) => address !== "")
        ? Effect.succeed(found)
        // A password may stand in it.
        : Effect.fail(
          new CliError.InvalidValue({ option: name, value: shownAddress(value), expected: servers[kind], kind: "flag" })
        )
    })
  )

/** Labels in a text, separated by commas. */
export const labelsIn = (text: string): ReadonlyArray<string> =>
  text.split(",").map((label) => Spelling.composed(label.trim()))

/** Labels separated by commas, as they were typed. */
export const labels = (name: string): Flag.Flag<string> =>
  read(name, "A,B,C", "labels separated by commas, each of them once and without < and >", (text) => {
    const found = labelsIn(text)
    return found.some((label) => label === "" || /[<>]/.test(label)) || new Set(found).size < found.length
      ? Effect.fail(text)
      : Effect.succeed(text)
  })

const JsonObject = Json.text(Schema.Record(Schema.String, Schema.Json))

/** Fields of one's own. */
export const jsonObject = (name: string): Flag.Flag<Readonly<Record<string, Schema.Json>>> =>
  read(name, "JSON", `a JSON object such as '{"top_k": 1}'`, Schema.decodeUnknownEffect(JsonObject))

/** A whole number between bounds, both included; without bounds any that is exact in double precision. */
export const whole = (
  name: string,
  { least = -Infinity, metavar = "N", most = Infinity, note = "" }: {
    readonly least?: number
    readonly most?: number
    readonly metavar?: string
    /** Why these bounds, where they do not speak for themselves. */
    readonly note?: string
  } = {}
): Flag.Flag<number> => {
  const range = least === -Infinity ? "" : most === Infinity ? ` from ${least} on` : ` from ${least} to ${most}`
  return number(
    name,
    metavar,
    `a whole number${range}${note && ` (${note})`}`,
    (value) => Number.isSafeInteger(value) && value >= least && value <= most
  )
}

/** A share: a number from 0 to 1. */
export const share = (name: string, metavar = "SHARE"): Flag.Flag<number> =>
  number(name, metavar, "a share from 0 to 1", (value) => value >= 0 && value <= 1)

/** A number from 0 on. */
export const from0 = (name: string, metavar: string): Flag.Flag<number> =>
  number(name, metavar, "a number from 0 on", (value) => value >= 0 && Number.isFinite(value))

/** A number above 0. */
export const above0 = (name: string, metavar: string): Flag.Flag<number> =>
  number(name, metavar, "a number above 0", (value) => value > 0 && Number.isFinite(value))

/** A length of time, and how it was written. */
export interface Time {
  readonly text: string
  readonly seconds: number
}

/** Hours, minutes and seconds, each of which may be left out. */
const parts = /^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?$/

/** Seconds of a text such as "1h30m" or, as they are printed, "6m03s"; 0 where it is none. */
export const secondsIn = (text: string): number => {
  const [, hours = 0, minutes = 0, seconds = 0] = parts.exec(text.trim()) ?? []
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
}

/** A length of time above 0, such as 90s, 10m or 1h30m. */
export const time = (name: string): Flag.Flag<Time> =>
  read(name, "TIME", "a time such as 90s, 10m or 1h30m", (text) => {
    const seconds = secondsIn(text)
    return seconds > 0 && Number.isFinite(seconds)
      ? Effect.succeed({ text: text.trim(), seconds })
      : Effect.fail(text)
  })
