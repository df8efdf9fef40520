/**
 * Builds a tokenizer.json with one token per listed word, for small models with a small language.
 *
 * It is a byte-level BPE without merges: a pre-token (GPT-2's split) that is in the vocabulary is one token, any other
 * text falls apart into bytes, so every string round-trips. `ignore_merges` is what makes whole words match; Hugging
 * Face's Rust tokenizers and their JavaScript port read it alike.
 *
 * How to list words. An entry is a piece of text that the split keeps whole, its leading space included:
 * - a space belongs to what follows it, so "joy" (after a tag, a line break or at the start) and " joy" (after another
 *   word) are two tokens; list the forms that occur, or both with `spaced`;
 * - a word is letters only: "teddy-bear" is three pieces ("teddy", "-", "bear"), "party popper" two ("party", "
 *   popper");
 * - a number is digits only, and stays whole: " 67"; "0.5" is three pieces;
 * - punctuation is a run: "." and "," need no listing (each ASCII character is a byte symbol already), but runs do
 *   where they should be one token: "].", "!?", and " (" with its space;
 * - a line break needs no listing; a run of white space before a word leaves its last space to the word.
 * There is no prefix space: with one, text after every special token would gain a space and nothing would round-trip.
 */

/** A token that is matched in the text before anything else. */
export interface AddedToken {
  readonly id: number
  readonly content: string
  readonly single_word: boolean
  readonly lstrip: boolean
  readonly rstrip: boolean
  readonly normalized: boolean
  /** Left out when decoding with `skipSpecial`. */
  readonly special: boolean
}

/** The content of a tokenizer.json. */
export interface TokenizerJson {
  readonly version: "1.0"
  readonly truncation: null
  readonly padding: null
  readonly added_tokens: ReadonlyArray<AddedToken>
  readonly normalizer: null
  readonly pre_tokenizer: { readonly type: "Sequence"; readonly pretokenizers: readonly [Split, ByteLevel] }
  readonly post_processor: null
  readonly decoder: ByteLevel
  readonly model: {
    readonly type: "BPE"
    readonly dropout: null
    readonly unk_token: null
    readonly continuing_subword_prefix: null
    readonly end_of_word_suffix: null
    readonly fuse_unk: boolean
    readonly byte_fallback: boolean
    readonly ignore_merges: boolean
    /** Token to id, ids 0 … size − 1. */
    readonly vocab: Readonly<Record<string, number>>
    readonly merges: ReadonlyArray<readonly [string, string]>
  }
}

interface Split {
  readonly type: "Split"
  readonly pattern: { readonly Regex: string }
  readonly behavior: "Isolated"
  readonly invert: boolean
}

interface ByteLevel {
  readonly type: "ByteLevel"
  readonly add_prefix_space: boolean
  readonly trim_offsets: boolean
  readonly use_regex: boolean
}

/**
 * GPT-2's printable stand-in for each byte: printable Latin-1 stands for itself, the others for U+0100 upwards, so that
 * no token holds white space or a control character.
 */
const byteSymbols: ReadonlyArray<string> = (() => {
  const printable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++))
})()

const inSymbols = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (byte) => byteSymbols[byte]).join("")

/**
 * GPT-2's split. It is spelled out, and ByteLevel's own copy of it turned off, because the two implementations of that
 * copy disagree on what white space is (U+0085, U+FEFF), while a `Split` pattern means the same to both.
 */
const preTokens = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

const checkWord = (word: string): string => {
  // U+0120 is how tokenizer.json spells a leading space; a list that holds it was meant as text.
  if (word.includes("\u0120")) throw new RangeError(`${JSON.stringify(word)}: write the leading space as a space`)
  const pieces = word.match(new RegExp(preTokens, "gu")) ?? []
  if (pieces.length !== 1) {
    throw new RangeError(`${JSON.stringify(word)} can never be one token: it splits into ${JSON.stringify(pieces)}`)
  }
  return inSymbols(word)
}

const checkSpecial = (content: string): string => {
  if (content === "" || content.trim() !== content) {
    throw new RangeError(`a special token must be text without surrounding white space: ${JSON.stringify(content)}`)
  }
  return content
}

/** Each word bare and with a leading space. */
export const spaced = (words: ReadonlyArray<string>): ReadonlyArray<string> =>
  words.flatMap((word) => [word, ` ${word}`])

/**
 * Ids: special tokens first, in their order, then the 256 byte symbols in byte order, then the words in their order
 * without repetition. So a word added at the end moves no other id.
 *
 * @param specials matched anywhere in a text. `<|…|>` are marked special (`skipSpecial` drops them); others, such as
 * `<think>`, are text that a parser wants to see, as in Qwen3.
 * @throws RangeError for a word that the split would not keep whole: it could never be produced
 */
export const tokenizerJson = (words: ReadonlyArray<string>, specials: ReadonlyArray<string>): TokenizerJson => {
  const tokens = [...new Set([...specials.map(checkSpecial), ...byteSymbols, ...words.map(checkWord)])]
  const byteLevel: ByteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false }
  const split: Split = { type: "Split", pattern: { Regex: preTokens }, behavior: "Isolated", invert: false }
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [...new Set(specials)].map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: /^<\|.*\|>$/s.test(content)
    })),
    normalizer: null,
    pre_tokenizer: { type: "Sequence", pretokenizers: [split, byteLevel] },
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: []
    }
  }
}
