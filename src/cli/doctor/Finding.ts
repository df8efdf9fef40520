/**
 * What was looked at, and what is to be said of it.
 */

/** `ok`: as it should be; `note`: a run starts, but think of it; `wrong`: it keeps a run from starting. */
export interface Finding {
  readonly about: string
  readonly state: "ok" | "note" | "wrong"
  readonly text: string
  /** How to mend it. */
  readonly mend?: string
}

export const ok = (about: string, text: string): Finding => ({ about, state: "ok", text })
export const note = (about: string, text: string, mend?: string): Finding => ({
  about,
  state: "note",
  text,
  ...(mend !== undefined && { mend })
})
export const wrong = (about: string, text: string, mend?: string): Finding => ({
  about,
  state: "wrong",
  text,
  ...(mend !== undefined && { mend })
})

/** "1.5 GiB", "320 MiB". */
export const size = (bytes: number): string =>
  bytes < 2 ** 30 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`
