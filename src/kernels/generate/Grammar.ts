/**
 * A finite automaton over tokens: which tokens may follow, and where each one leads.
 *
 * The same table masks logits while decoding and while scoring, so log-probabilities are those of the distribution
 * that was sampled.
 */

/**
 * Texts as the mask engines of servers take them: a regular expression (see `Regex`), or rules in EBNF that begin with
 * `root` where an expression would have to write out too much.
 */
export type Texts = { readonly regex: string } | { readonly ebnf: string }

/** Tables are dense, `[states, vocabulary]`, row-major. State 0 is the start. */
export interface Grammar {
  /** Identifies the tables: sessions that hold them are cached by it. */
  readonly id: string
  readonly states: number
  readonly vocabulary: number
  /** 1 where the token is allowed. Each state allows at least one token. */
  readonly allowed: Uint8Array
  /** State after the token; meaningless where it is not allowed. */
  readonly next: Int32Array
  /**
   * Cells of the table (state · vocabulary + token) that only a text which says nothing goes through, as `[]` where
   * boxes may stand. Sampling allows them like others; a format loss does not count them (`FormatText`), or saying
   * nothing would be the easiest way to keep a format.
   */
  readonly nothing?: ReadonlySet<number>
  /** States in which free text may go on. Where the tokens near their end, it leaves room for what follows. */
  readonly free?: ReadonlySet<number>
  /**
   * The same texts apart from tokens, without the end of turn: what a server holds texts to that keeps its tokens to
   * itself. Free text takes at most so many characters there, and holds no `<`. Absent where that is not known.
   */
  readonly texts?: (characters: number) => Texts
}
