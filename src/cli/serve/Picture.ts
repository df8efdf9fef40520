/** Pictures as requests hold them. */
import { Effect } from "effect"
import { createHash } from "node:crypto"
import * as Image from "../../kernels/image/Image.ts"
import type { ImageError } from "../../kernels/image/index.ts"
import { show } from "../../kernels/text/show.ts"
import * as Fault from "./Fault.ts"

/** Its id is its content: what is known of a picture is known of its like alone. */
export const ofBytes = (bytes: Uint8Array): Image.Image =>
  Image.encoded(createHash("sha256").update(bytes).digest("hex"), bytes)

/** @param param the field that holds it */
export const ofUrl = (url: string, param: string): Effect.Effect<Image.Image, Fault.Fault> => {
  const bad = (reason: string) => Effect.fail(Fault.invalid(reason, param, "invalid_image_url"))
  const head = /^data:[^,]{0,200},/i.exec(url)?.[0]
  if (head === undefined) {
    return bad(
      `the picture's address is ${show(url, 60)}, expected a data URL such as data:image/png;base64,…: this server ` +
        "fetches nothing"
    )
  }
  if (!/;base64,$/i.test(head)) return bad(`the data URL begins ${show(head, 60)}, expected base64`)
  const written = url.slice(head.length)
  if (!/^[\w+/\s-]*={0,2}\s*$/.test(written)) return bad("the data URL holds characters that are not base64")
  const bytes = Buffer.from(written, "base64")
  return bytes.length === 0 ? bad("the data URL holds no picture: it is empty") : Effect.succeed(ofBytes(bytes))
}

/** What is wrong with a picture, to the one who sent it. */
export const unreadable = ({ image, message }: ImageError, param: string | null): Fault.Fault =>
  Fault.invalid(message.replaceAll(image, "the picture"), param, "invalid_image")
