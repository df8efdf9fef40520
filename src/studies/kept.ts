/**
 * Which of the methods that were compared is the run's: whose model is kept, and whom report and verdict speak of.
 */

/** Rows that are no trained method. */
const others = new Set(["prior", "base", "warmed", "RISE-CoT"])

/** RISE, or the last one where RISE is not compared. */
export const kept = (methods: ReadonlyArray<string>): string | undefined =>
  methods.includes("RISE") ? "RISE" : methods.filter((method) => !others.has(method)).at(-1)
