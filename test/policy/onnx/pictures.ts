/** What the embedded checkpoint is asked in tests. */
import * as Image from "../../../src/kernels/image/Image.ts"
import type { Prompt } from "../../../src/policy/index.ts"

/** A picture of the checkpoint's size, as red as it is told. */
export const picture = (id: string, red: number): Image.Image =>
  Image.rendered(id, () => ({
    width: 112,
    height: 112,
    data: Uint8Array.from({ length: 112 * 112 * 3 }, (_, i) => i % 3 === 0 ? red : (i * 7 + red) % 90)
  }))

/** A short prompt, a long one, and one without a picture. */
export const prompts: ReadonlyArray<Prompt> = [
  { images: [picture("a", 250)], text: "What is in the picture?" },
  { images: [picture("b", 40)], text: "What do people feel here, and why? Say it in a few words." },
  { images: [], text: "What is a party?" }
]
