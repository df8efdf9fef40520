/**
 * What stands where an image is expected: scripts without types give paths, and a path is none yet.
 */
import { inspect } from "node:util"
import { ImageError } from "./ImageError.ts"

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** The path that a value names without being an image. */
const pathOf = (value: unknown): string | undefined =>
  typeof value === "string"
    ? value
    : isRecord(value) && !("source" in value) && typeof value["path"] === "string"
    ? value["path"]
    : undefined

const cut = (text: string): string => text.length > 80 ? `${text.slice(0, 79)}…` : text

/** What is wrong with it, with what makes an image of it; undefined where it is one. */
export const fault = (value: unknown): ImageError | undefined => {
  if (isRecord(value) && typeof value["id"] === "string" && isRecord(value["source"])) {
    if (typeof value["source"]["_tag"] === "string") return undefined
  }
  const path = pathOf(value)
  return path === undefined
    ? new ImageError({
      image: isRecord(value) && typeof value["id"] === "string" ? value["id"] : "image",
      reason: "no image",
      found: cut(inspect(value, { breakLength: Infinity, compact: true, depth: 1 })),
      expected: "Image.file(path), Image.encoded(id, bytes) or Image.rendered(id, render)"
    })
    : new ImageError({
      image: path,
      reason: "a path, and no image yet",
      expected: `Image.file(${JSON.stringify(cut(path))})`
    })
}
