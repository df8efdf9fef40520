/**
 * How rows name their picture: by a file name, by a list of one, or as Hugging Face writes an image. An address stays
 * one: `Address` knows whether a file of its name is there.
 */
import { Predicate, Result } from "effect"
import { quoted } from "./Quoted.ts"
import type { BadRow } from "./Rows.ts"

const bad = (reason: string, detail: string): Result.Result<never, BadRow> => Result.fail({ reason, detail })

/** The path of a `file://` address. */
const local = (address: string): string => {
  const path = address.replace(/^file:\/\/(?:localhost)?/i, "")
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** `value` stands under `field`. A list of one is what it holds; of more, nobody can tell which is meant. */
export const read = (field: string, value: unknown): Result.Result<string, BadRow> => {
  if (Array.isArray(value)) {
    return value.length === 1 && !Array.isArray(value[0])
      ? read(field, value[0])
      : bad("several-images", `"${field}" is a list of ${value.length}, expected one picture a row`)
  }
  if (typeof value !== "string") {
    return Predicate.hasProperty(value, "path") && typeof value.path === "string"
      ? read(field, value.path)
      : bad("no-image", `"${field}" is ${quoted(value)}, expected a file name`)
  }
  if (value.startsWith("data:")) {
    return bad("no-image", `"${field}" holds the picture itself, expected the name of a file that holds it`)
  }
  if (/^file:\/\/(?:localhost)?\//i.test(value)) return Result.succeed(local(value))
  if (/^[a-z]:[\\/]/i.test(value) && process.platform !== "win32") {
    return bad(
      "outside-folder",
      `${quoted(value)} is an absolute path of Windows, expected a path from the data's folder`
    )
  }
  return Result.succeed(value)
}
