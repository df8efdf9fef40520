/** The fields of a `config.json` that change the arithmetic, and how a value that is not implemented is refused. */
import { Effect, Schema } from "effect"
import { shownInLine } from "../runtime/Shown.ts"
import { show } from "../text/show.ts"

/** A field whose value is missing, broken or not implemented. */
export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", {
  field: Schema.String,
  found: Schema.String,
  expected: Schema.String,
  /** The directory that the file lies in, where it is known. */
  directory: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    const where = this.directory === undefined ? "" : `${shownInLine(this.directory)}/`
    return `${where}config.json: ${this.field} is ${this.found}, expected ${this.expected}`
  }
}

export const optional = <S extends Schema.Constraint>(schema: S) => Schema.optional(Schema.NullOr(schema))
export const Count = Schema.Int.pipe(Schema.check(Schema.isGreaterThan(0)))

const Rope = Schema.Struct({
  type: optional(Schema.String),
  rope_type: optional(Schema.String),
  rope_theta: optional(Schema.Finite),
  mrope_section: optional(Schema.Array(Schema.Int)),
  mrope_interleaved: optional(Schema.Boolean),
  partial_rotary_factor: optional(Schema.Finite)
})

export const Text = Schema.Struct({
  vocab_size: Count,
  hidden_size: Count,
  intermediate_size: Count,
  num_hidden_layers: Count,
  num_attention_heads: Count,
  num_key_value_heads: optional(Count),
  head_dim: optional(Count),
  rms_norm_eps: optional(Schema.Finite),
  max_position_embeddings: optional(Count),
  rope_theta: optional(Schema.Finite),
  rope_scaling: optional(Rope),
  rope_parameters: optional(Rope),
  tie_word_embeddings: optional(Schema.Boolean)
})

/** What every `vision_config` has. */
export const visionFields = {
  depth: Count,
  num_heads: Count,
  patch_size: Count,
  spatial_merge_size: optional(Count),
  temporal_patch_size: optional(Count),
  rope_parameters: optional(Rope)
}

const EveryVision = Schema.Struct(visionFields)
export type VisionFields = typeof EveryVision.Type

/** The family: looked at before anything that another one may lack. */
export const Kind = Schema.Struct({ model_type: Schema.String })

export const Top = Schema.Struct({
  model_type: Schema.String,
  image_token_id: optional(Schema.Int),
  video_token_id: optional(Schema.Int),
  tie_word_embeddings: optional(Schema.Boolean),
  vision_config: Schema.Record(Schema.String, Schema.Unknown),
  text_config: optional(Schema.Record(Schema.String, Schema.Unknown))
})

/** Reads part of the file; `where` says which. */
export const decode = <S extends Schema.ConstraintDecoder<unknown>>(schema: S, value: unknown, where: string) =>
  Schema.decodeUnknownEffect(schema)(value).pipe(
    Effect.mapError((error) => {
      const text = String(error.message).replace(/\s+/g, " ")
      const missing = /^Missing key at ((?:\["[^"]*"\])+)/.exec(text)
      if (missing === null) return new ConfigError({ field: where, found: "not readable", expected: text })
      const field = [...missing[1]?.matchAll(/"([^"]*)"/g) ?? []].map(([, key]) => key).join(".")
      const within = /^[a-z_.]+$/.test(where) ? `${where}.${field}` : field
      return new ConfigError({ field: within, found: "absent", expected: "a field that every model has" })
    })
  )

/** Characters of a value that a message repeats. */
const LONGEST = 120

export const wrong = (field: string, found: unknown, expected: string): ConfigError =>
  new ConfigError({ field, found: found === undefined ? "absent" : show(found, LONGEST), expected })

export const require = (
  holds: boolean,
  field: string,
  found: unknown,
  expected: string
): Effect.Effect<void, ConfigError> => holds ? Effect.void : Effect.fail(wrong(field, found, expected))

/** How a rotary embedding is made: every scaled kind (yarn, linear, dynamic, …) changes angles and is refused. */
export const requireRope = (rope: typeof Rope.Type, field: string, implemented: ReadonlyArray<string>) =>
  Effect.forEach(
    [["rope_type", rope.rope_type], ["type", rope.type]] as const,
    ([name, kind]) =>
      require(
        kind === undefined || kind === null || implemented.includes(kind),
        `${field}.${name}`,
        kind,
        implemented.map((value) => JSON.stringify(value)).join(" or ")
      ),
    { discard: true }
  )

type Fields = Readonly<Record<string, unknown>>

/** Implemented values of a field; where it is absent or null it has the first of them. */
export type Implemented = Readonly<Record<string, ReadonlyArray<boolean | number | string>>>

export const checkValues = (fields: Fields, implemented: Implemented, prefix: string) =>
  Effect.forEach(Object.entries(implemented), ([name, values]) => {
    const found = fields[name] ?? values[0]
    return require(
      values.some((value) => value === found),
      `${prefix}${name}`,
      found,
      values.map((value) => JSON.stringify(value)).join(" or ")
    )
  }, { discard: true })

/** A part may name its type: the model's own, or the model's with what part it is. */
const checkType = (fields: Fields, model: string, part: "text" | "vision") =>
  require(
    fields["model_type"] === undefined || fields["model_type"] === model || fields["model_type"] === `${model}_${part}`,
    `${part}_config.model_type`,
    fields["model_type"],
    `"${model}" or "${model}_${part}"`
  )

/** Fails at the first field that asks for arithmetic which is not implemented. */
export const checkImplemented = Effect.fnUntraced(
  function*(
    model: string,
    top: Fields,
    textFields: Fields,
    visionFields: Fields,
    implemented: { readonly text: Implemented; readonly vision: Implemented }
  ) {
    const nested = textFields !== top
    const prefix = nested ? "text_config." : ""
    for (
      const [fields, at] of [[top, ""], ...(nested ? [[textFields, prefix] as const] : []), [
        visionFields,
        "vision_config."
      ]] as const
    ) {
      yield* require(
        (fields["quantization_config"] ?? null) === null,
        `${at}quantization_config`,
        fields["quantization_config"],
        "none: use the directory with unquantised weights"
      )
    }
    if (nested) yield* checkType(textFields, model, "text")
    yield* checkType(visionFields, model, "vision")
    yield* checkValues(textFields, implemented.text, prefix)
    const layers = textFields["layer_types"] ?? []
    yield* require(
      Array.isArray(layers) && layers.every((layer) => layer === "full_attention"),
      `${prefix}layer_types`,
      layers,
      `"full_attention" in every layer`
    )
    yield* checkValues(visionFields, implemented.vision, "vision_config.")
  }
)
