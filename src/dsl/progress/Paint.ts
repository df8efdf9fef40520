/** Colours on an output, which knows what it can show, and what NO_COLOR, FORCE_COLOR and TERM ask for. */
import { styleText } from "node:util"
import type { Out } from "./Event.ts"

/** What a word is painted with. */
export type Paint = (style: "cyan" | "dim" | "green" | "yellow", text: string) => string

/** The paint of an output; none where it shows no colours. */
export const of = (out: Pick<Out, "hasColors">): Paint => (style, text) =>
  out.hasColors?.() === true ? styleText(style, text, { validateStream: false }) : text

/** A text with the first word of a warning painted, where it is one. */
export const warning = (paint: Paint, text: string): string =>
  text.replace(/^warning:/, (word) => paint("yellow", word))
