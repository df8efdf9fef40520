/** Tokenizers for the grammar: the embedded checkpoint's, and small ones that spell as others do. */
import { Tokenizer } from "@huggingface/tokenizers"
import { readFileSync } from "node:fs"
import type { Vocabulary } from "../../../src/dsl/Task.ts"

export interface TestVocabulary extends Vocabulary {
  readonly decode: (ids: Iterable<number>) => string
}

const control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>", "<answer>", "</answer>"]
const bytes = Array.from({ length: 128 }, (_, i) => String.fromCharCode(i))

/**
 * Splits at words with their leading space, takes a piece whole where the vocabulary has it, else greedily from the
 * left, and knows every ASCII character.
 */
const make = (words: ReadonlyArray<string>, piece: RegExp, tags: ReadonlyArray<string> = control): TestVocabulary => {
  const tokens = [...new Set([...bytes, ...words, ...tags])]
  const ids = new Map(tokens.map((token, i) => [token, i]))
  const split = new RegExp(`(${tags.map((tag) => tag.replace(/[|/]/g, "\\$&")).join("|")})`)
  const greedy = (text: string): Array<number> => {
    for (let length = text.length; length > 0; length--) {
      const id = ids.get(text.slice(0, length))
      if (id !== undefined) return [id, ...text.length > length ? greedy(text.slice(length)) : []]
    }
    return []
  }
  return {
    encode: (text) =>
      Int32Array.from(
        text.split(split).flatMap((part) =>
          tags.includes(part) ? [ids.get(part)!] : (part.match(piece) ?? []).flatMap(greedy)
        )
      ),
    decode: (all) => [...all].map((id) => tokens[id] ?? "").join(""),
    size: tokens.length + 5, // a padded vocabulary: the last ids are no token at all
    endOfTurn: ids.get("<|im_end|>")!,
    specials: new Set([...tags.map((tag) => ids.get(tag)!), ...[0, 1, 2, 3, 4].map((i) => tokens.length + i)])
  }
}

const withSpace = (words: ReadonlyArray<string>) => words.flatMap((word) => [word, ` ${word}`])
const emotions = ["anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral"]
const numbers = Array.from({ length: 100 }, (_, i) => String(i + 1))
const common = withSpace(["the", "face", "smiles", "at", "a", "party", "dark", "storm"])

/** One token per word and per number, spelled with and without a space in front. */
export const words = make(
  [...withSpace(emotions), ...withSpace(numbers), ...common],
  / ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+/g
)

/** Digits alone, the space before them a token of its own, some labels in several pieces with a shared beginning. */
export const digits = make(
  [" joy", "joy", " sad", "sad", "ness", " sur", "sur", "prise", ...common],
  / ?[A-Za-z]+|[0-9]| ?[^\sA-Za-z0-9]+|\s+/g
)

/** Labels in one token each, numbers in digits. */
export const qwenLike = make([...withSpace(emotions), ...common], / ?[A-Za-z]+|[0-9]| ?[^\sA-Za-z0-9]+|\s+/g)

/** A tokenizer whose tags are ordinary text that merges with what stands before. */
export const merging = make([...withSpace(emotions), ".</"], / ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+/g, [
  "<|im_end|>"
])

const embeddedFile = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../assets/scene-vl/${name}`, import.meta.url), "utf8"))

/** The tokenizer that ships with the package. */
export const embedded = ((): TestVocabulary => {
  const json = embeddedFile("tokenizer.json")
  const tokenizer = new Tokenizer(json, embeddedFile("tokenizer_config.json"))
  const size: number = embeddedFile("config.json").vocab_size
  const added: ReadonlyArray<{ readonly id: number }> = json.added_tokens
  const known = Object.keys(json.model.vocab).length +
    added.filter(({ id }) => !Object.values(json.model.vocab).includes(id)).length
  return {
    encode: (text) => Int32Array.from(tokenizer.encode(text, { add_special_tokens: false }).ids),
    decode: (ids) => tokenizer.decode([...ids], { skip_special_tokens: false }),
    size,
    endOfTurn: tokenizer.token_to_id("<|im_end|>")!,
    specials: new Set([...added.map(({ id }) => id), ...Array.from({ length: size - known }, (_, i) => known + i)])
  }
})()
