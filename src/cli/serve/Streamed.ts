/**
 * What of an answer can be told while it is drawn: the pieces of its whole text, as soon as nothing that may follow can
 * change them.
 */
import type { Drawn, Tokenizer } from "../../policy/Policy.ts"
import { type Spelled, speller } from "../../policy/Spelled.ts"

/** A token with what it adds to the text that is told. */
export interface Piece {
  readonly token: Spelled
  readonly piece: string
}

/** One choice. @returns the pieces that a token settles */
const choice = (decode: NonNullable<Tokenizer["decode"]>, stops: ReadonlyArray<string>) => {
  const spell = speller(decode)
  /** How much of a stop may have been written already. */
  const tail = Math.max(1, ...stops.map(({ length }) => length)) - 1
  const written: Array<{ readonly token: Spelled; readonly begins: number; readonly ends: number }> = []
  let text = ""
  let [heard, told] = [0, 0]
  let latest: Drawn | undefined

  /** Up to where nothing changes any more: texts are trimmed, and cut before the first stop. */
  const settled = (begins: number): number => {
    const own = text.slice(begins)
    const found = stops.map((stop) => own.indexOf(stop)).filter((at) => at >= 0)
    return Math.min(text.trimEnd().length, text.length - tail, begins + Math.min(...found))
  }

  return (drawn: Drawn): ReadonlyArray<Piece> => {
    if (drawn.at !== heard) return []
    heard++
    const before = latest
    latest = drawn
    // How a token is spelled, and whether it ends the turn, shows with the one behind it.
    if (before === undefined) return []
    const added = spell(before.token, false)
    written.push({
      token: { token: before.token, text: added, logprob: before.logprob, end: false },
      begins: text.length,
      ends: text.length + added.length
    })
    text += added
    const begins = text.length - text.trimStart().length
    const limit = settled(begins)
    const pieces: Array<Piece> = []
    for (let one = written[told]; one !== undefined && one.ends <= limit && one.begins < limit; one = written[++told]) {
      pieces.push({ token: one.token, piece: text.slice(Math.max(begins, one.begins), Math.max(begins, one.ends)) })
    }
    return pieces
  }
}

/** All choices of an answer: hands pieces on as they are settled, and counts them; none where none can be spelled. */
export const make = (
  { decode }: { readonly decode?: Tokenizer["decode"] },
  count: number,
  stops: ReadonlyArray<string>,
  tell: (index: number, piece: Piece) => void
): { readonly listen?: (drawn: Drawn) => void; readonly told: ReadonlyArray<number> } => {
  const told = Array.from({ length: count }, () => 0)
  if (decode === undefined) return { told }
  const choices = told.map(() => choice(decode, stops))
  return {
    told,
    listen: (drawn) => {
      for (const piece of choices[drawn.candidate]?.(drawn) ?? []) {
        told[drawn.candidate] = (told[drawn.candidate] ?? 0) + 1
        tell(drawn.candidate, piece)
      }
    }
  }
}
