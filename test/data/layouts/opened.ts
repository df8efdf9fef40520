/** Folders made for one layout. */
import { Effect, Option } from "effect"
import type { Classes, Found, Layout } from "../../../src/data/layouts/Layout.ts"
import { folder } from "../folders.ts"

export { layout as ClassLayout } from "../../../src/data/layouts/ClassFolders.ts"

/** What was found, where it is pictures with labels. */
export const classes = (found: Found): Classes => {
  if (found.kind !== "classes") throw new Error(`expected labels, found ${found.kind}`)
  return found
}

/** What a layout finds in a folder of pictures with labels. */
export const openFolder = Effect.fnUntraced(
  function*(files: Parameters<typeof folder>[0], open: Layout["open"], labels?: ReadonlyArray<string>) {
    const root = yield* folder(files)
    const found = Option.getOrThrow(yield* open(root, { labels: Option.fromUndefinedOr(labels) }))
    return { ...classes(found), root }
  }
)
