/**
 * What is wrong with an image or with the settings it is to be prepared with.
 */
import { Schema } from "effect"
import { shownInLine } from "../runtime/Shown.ts"

/** A complaint of a function that does not know which image it works on. */
export interface Fault {
  /** What is wrong, as a clause. */
  readonly reason: string
  readonly found?: string
  readonly expected?: string
}

/** A picture that is not read: what it is, what was found, what would be read. */
export class ImageError extends Schema.TaggedError<ImageError>()("ImageError", {
  /** The image's id, or the settings file. */
  image: Schema.String,
  /** Where the image is a file. */
  path: Schema.optional(Schema.String),
  reason: Schema.String,
  found: Schema.optional(Schema.String),
  expected: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    const { image, path } = this
    return `${shownInLine(path === undefined || path === image ? image : `${image} (${path})`)}: ${this.fault}`
  }
  /** What is wrong, without the place: for whoever knows where the image is. */
  get fault(): string {
    const facts = [
      ...(this.found === undefined ? [] : [`found ${this.found}`]),
      ...(this.expected === undefined ? [] : [`expected ${this.expected}`])
    ]
    return `${this.reason}${facts.length === 0 ? "" : ` (${facts.join(", ")})`}`
  }
}
