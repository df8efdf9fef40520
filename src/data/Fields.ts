/** An object as JSON has them, by the names of its fields. */
import { Predicate } from "effect"

export type Fields = Readonly<Record<string, unknown>>

/** Whether a value is one: a list is none. Looks at it where it is, and copies nothing. */
export const isFields = (value: unknown): value is Fields => Predicate.isObject(value) && !Array.isArray(value)
