/**
 * How large a model is whose configuration alone is here: what settings are fitted to where the weights lie at an
 * engine. An estimate: rates go by its square root.
 */
import { Option, Schema } from "effect"

const Count = Schema.Int.pipe(Schema.check(Schema.isGreaterThan(0)))
const optional = Schema.optional(Schema.NullOr(Count))

/** The fields of a language model's configuration that its weights go by, as transformers spells them. */
const Text = Schema.Struct({
  hidden_size: Count,
  num_hidden_layers: Count,
  vocab_size: Count,
  num_attention_heads: Count,
  num_key_value_heads: optional,
  head_dim: optional,
  intermediate_size: optional,
  /** Of a mixture of experts: the width of one, and how many a token passes through. */
  moe_intermediate_size: optional,
  num_experts_per_tok: optional,
  tie_word_embeddings: Schema.optional(Schema.NullOr(Schema.Boolean))
})

const Nested = Schema.Struct({ text_config: Text })

const decode = (config: unknown) =>
  Option.orElse(
    Option.map(Schema.decodeUnknownOption(Nested)(config), ({ text_config: text }) => text),
    () => Schema.decodeUnknownOption(Text)(config)
  )

/**
 * Weights of the language model that a `config.json` describes; of a mixture of experts those that one token passes
 * through. None where it does not say.
 */
export const parametersOf = (config: unknown): Option.Option<number> =>
  Option.flatMap(decode(config), (text) => {
    const { hidden_size: hidden, num_attention_heads: heads, num_hidden_layers: layers, vocab_size: words } = text
    const head = text.head_dim ?? hidden / heads
    const keys = text.num_key_value_heads ?? heads
    const wide = text.moe_intermediate_size ?? text.intermediate_size
    if (wide === undefined || wide === null) return Option.none()
    const experts = text.moe_intermediate_size ? text.num_experts_per_tok ?? 1 : 1
    // Queries and outputs, keys and values; gate, up and down.
    const layer = 2 * hidden * head * heads + 2 * hidden * head * keys + 3 * hidden * wide * experts
    return Option.some(layers * layer + words * hidden * (text.tie_word_embeddings === true ? 1 : 2))
  })
