/**
 * What annotations are marked with beside their place and label: that they are a crowd, or not meant to be learned like
 * the others.
 *
 * Exporters write `iscrowd` as 0, 1, a boolean, null or text. `ignore`, `difficult` and their like have no meaning that
 * all programs share: these annotations are read as any other, and that is told.
 */
import { Result, Schema } from "effect"
import type { Fields } from "./Fields.ts"
import { count, quoted } from "./Quoted.ts"
import type { BadRow } from "./Rows.ts"

/** Marks of one annotation. */
export interface Marks {
  /** Whether it is a region of more things than anybody boxed. */
  readonly crowd?: boolean
  /** The name of a field that sets it apart in another way. */
  readonly flag?: string
}

const crowdKeys = ["iscrowd", "is_crowd"]
const flagKeys = ["ignore", "ignored", "difficult", "is_difficult", "isdifficult", "is_group_of", "isgroupof"]
const allKeys: ReadonlySet<string> = new Set([...crowdKeys, ...flagKeys])

/** Whether a field is called as a mark is. */
export const isKey = (name: string): boolean => allKeys.has(name.toLowerCase())

/** Those of the fields that are marks, by their names in small letters, with the names that they have. */
const marksIn = (fields: Fields): ReadonlyMap<string, { readonly key: string; readonly value: unknown }> => {
  const found = new Map<string, { readonly key: string; readonly value: unknown }>()
  for (const key in fields) {
    // Every mark begins with an i or a d, and few other keys do: a file may have millions.
    const letter = key[0]
    if (letter !== "i" && letter !== "d" && letter !== "I" && letter !== "D") continue
    const small = key.toLowerCase()
    if (!allKeys.has(small) || !Object.hasOwn(fields, key)) continue
    // As written in small letters a key goes before the same in others, beside an empty one.
    const value = fields[key]
    if (value === undefined || value === null || (found.has(small) && key !== small)) continue
    found.set(small, { key, value })
  }
  return found
}

const Mark = Schema.Union([Schema.Boolean, Schema.Literals([0, 1, "0", "1", "", "true", "false", "True", "False"])])
const isMark = Schema.is(Mark)

const isSet = (value: unknown): boolean => value === true || /^(?:1|true)$/i.test(String(value))
/** Flags have no form that all programs share: what is not switched off is told. */
const isFlagged = (value: unknown): boolean => !/^(?:0*(?:\.0*)?|false|no|f|n)$/i.test(String(value).trim())

/**
 * The marks among fields. Fails where `iscrowd` is none.
 *
 * @param at the place of the annotation in lists, where fields hold one value for each annotation
 */
export const read = (fields: Fields, at?: number): Result.Result<Marks, BadRow> => {
  const marks = marksIn(fields)
  if (marks.size === 0) return Result.succeed({})
  const valueOf = (key: string): unknown => {
    const value = marks.get(key)?.value
    return at !== undefined && Array.isArray(value) ? value[at] : value
  }
  const written = (key: string) => marks.get(key)?.key ?? key
  const isThere = (key: string) => valueOf(key) !== undefined && valueOf(key) !== null
  const crowd = crowdKeys.find(isThere)
  if (crowd !== undefined && !isMark(valueOf(crowd))) {
    return Result.fail({
      reason: "bad-annotation",
      detail: `"${written(crowd)}" is ${quoted(valueOf(crowd))}, expected 0 or 1`
    })
  }
  const flag = flagKeys.find((key) => isThere(key) && isFlagged(valueOf(key)))
  return Result.succeed({
    ...crowd !== undefined && isSet(valueOf(crowd)) && { crowd: true },
    ...flag !== undefined && { flag: written(flag) }
  })
}

/**
 * The lists among fields that say of each annotation whether it is a crowd, and how long they are. An empty one says
 * nothing; lists of flags may hold something else, such as regions to be ignored.
 */
export const lists = (fields: Fields) => {
  const marks = marksIn(fields)
  return crowdKeys.flatMap((name) => {
    const { key, value } = marks.get(name) ?? { key: name, value: undefined }
    return Array.isArray(value) && value.length > 0 ? [{ key, length: value.length }] : []
  })
}

/** Counts marks, one annotation after the other. */
export const counter = () => {
  let crowds = 0
  const flags = new Map<string, number>()
  return {
    add: ({ crowd, flag }: Marks): void => {
      if (crowd === true) crowds++
      if (flag !== undefined) flags.set(flag, (flags.get(flag) ?? 0) + 1)
    },
    /** What there is to say of them, a line each. */
    notes: (): ReadonlyArray<string> => [
      ...crowds === 0 ? [] : [
        `${count(crowds, "crowd")} (${quoted("iscrowd")}) ${
          crowds === 1 ? "is" : "are"
        } not asked for; pictures with ` +
        "nothing else in them are set aside"
      ],
      ...[...flags].map(([flag, n]) =>
        `${count(n, "annotation")} marked "${flag}" ${n === 1 ? "is" : "are"} read as any other: take ` +
        `${n === 1 ? "it" : "them"} out, or mark ${n === 1 ? "it" : "them"} "iscrowd" where nothing is to be asked for`
      )
    ]
  }
}
