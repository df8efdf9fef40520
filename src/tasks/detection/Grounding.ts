/**
 * Boxes between a model family's own tokens.
 *
 * - Qwen2-VL: `<|object_ref_start|>cup<|object_ref_end|><|box_start|>(100,200),(300,400)<|box_end|>`;
 * - Qwen-VL, InternVL: `<ref>cup</ref><box>(100,200),(300,400)</box>`, `<ref>cup</ref><box>[[100, 200, 300,
 *   400]]</box>`.
 *
 * The numbers are corners in thousandths, whatever a codec writes. One name may have several boxes.
 */

const name = /(?:<\|object_ref_start\|>|<ref>)([^<]*)(?:<\|object_ref_end\|>|<\/ref>)/g
const opens = /(?:<\|box_start\|>|<box>|<\|object_ref_end\|>|<\/ref>)$/
/** Between two boxes of one name: closed, opened, and nothing said. */
const continues = /^(?:<\|box_end\|>|<\/box>)[\s,;]*(?:<\|box_start\|>|<box>)$/

/** A box that stands between such tokens. */
export interface Grounded {
  /** What the model calls it, where it says so. */
  readonly name: string | undefined
}

/**
 * What the text before a list says of it, if it stands between a family's own tokens.
 *
 * @param last what was said of the list before
 */
export const grounded = (before: string, last: Grounded | undefined): Grounded | undefined => {
  const text = before.trim()
  if (!opens.test(text.slice(-32))) return undefined
  if (continues.test(text)) return { name: last?.name }
  return { name: [...text.matchAll(name)].at(-1)?.[1]?.trim() || undefined }
}
