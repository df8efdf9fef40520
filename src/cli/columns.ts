/**
 * Text within a width.
 */

/** Words in lines of at most `width` characters; a longer word stays whole. */
export const wrapped = (text: string, width: number): ReadonlyArray<string> =>
  text.split(/\s+/).filter((word) => word !== "").reduce<ReadonlyArray<string>>((lines, word) => {
    const last = lines.at(-1)
    return last === undefined || last.length + 1 + word.length > width
      ? [...lines, word]
      : [...lines.slice(0, -1), `${last} ${word}`]
  }, [])
