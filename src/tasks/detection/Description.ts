/**
 * A detection task as JSON: what is written beside a model that was trained for it.
 */
import { Option, Schema } from "effect"
import type { Prompts } from "../../dsl/Task.ts"
import * as Wording from "../Wording.ts"
import type { Space } from "./Box.ts"
import * as Codec from "./Codec.ts"
import type { Definition } from "./Definition.ts"

const Space = Schema.Literals(["absolute", "resized", "thousandths", "unit"])
const positive = Schema.Finite.check(Schema.isGreaterThan(0))

/** The description, version 1. */
export const Description = Schema.Struct({
  version: Schema.Literal(1),
  kind: Schema.Literal("detection"),
  name: Wording.Name,
  subject: Schema.String,
  targets: Schema.Literals(["single", "multi"]),
  denominator: Schema.Literals(["truth", "max"]),
  badBox: Schema.Literals(["fail", "drop"]),
  /** Whether a reasoning may name what is in a box. */
  naming: Schema.Literals(["allow", "forbid"]),
  codec: Schema.Struct({
    space: Space,
    order: Schema.Literals(["xywh", "xyxy"]),
    style: Schema.Literals(["list", "named", "json", "pairs"]),
    labels: Schema.optionalKey(Schema.Array(Wording.Name)),
    frame: Schema.optionalKey(Schema.Struct({ space: Space, width: positive, height: positive })),
    decimals: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 }))),
    step: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 1e-12, maximum: 1e6 }))),
    outside: Schema.optionalKey(Schema.Literals(["clip", "reject"]))
  }),
  prompts: Wording.Wording
})
export type Description = typeof Description.Type

const encode = Schema.encodeUnknownOption(Description)

/** What is given of a definition. */
const given = <A extends object>(definition: A) =>
  Object.fromEntries(Object.entries(definition).filter(([, value]) => value !== undefined))

/** None where the task cannot be written down: where its codec is not one of `make`, or see `Wording`. */
export const describe = <S extends Space>(
  { badBox = "fail", codec, denominator = "truth", leakage, name, subject, targets = "multi" }: Definition<S>,
  prompts: Prompts
): Option.Option<Schema.Json> =>
  Option.flatMap(
    Option.all([Option.fromUndefinedOr(codec.definition), Wording.ofPrompts(prompts)]),
    ([codec, prompts]) => {
      const naming = leakage?.labels ?? "allow"
      const version = { version: 1, kind: "detection" }
      return encode({ ...version, name, subject, targets, denominator, badBox, naming, codec: given(codec), prompts })
    }
  )

/**
 * The definition that a description is of, in the space that it names.
 *
 * @throws RangeError as `Codec.make` does, and where its frame is of another space
 */
export const definition = <S extends Space>(
  space: S,
  { codec, naming, prompts, ...rest }: Description
): Definition<S> => {
  const { frame, ...written } = codec
  if (frame !== undefined && frame.space !== space) {
    throw new RangeError(`its frame is in ${frame.space}, expected ${space}`)
  }
  const framed = frame === undefined ? {} : { frame: { ...frame, space } }
  return {
    ...rest,
    codec: Codec.make<S>({ ...written, ...framed, space }),
    leakage: { labels: naming },
    prompts: Wording.toPrompts(prompts)
  }
}
