/**
 * How the annotation of a list of pictures went, and how the command ends by it.
 */
import { Effect, Runtime as EffectRuntime, Schema } from "effect"
import { faultOf } from "../../evaluation/Asking.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import type { Row } from "./Row.ts"

class NothingAnnotated
  extends Schema.TaggedError<NothingAnnotated>()("NothingAnnotated", { n: Schema.Int, first: Schema.String })
{
  override get message() {
    return this.n === 0
      ? "nothing to annotate: name pictures, folders with pictures, or - for a list of names on standard input"
      : `none of the ${this.n} pictures could be annotated. First, ${this.first}`
  }
}

/** With `--strict`, some pictures without an annotation. */
class SomeFailed extends Schema.TaggedError<SomeFailed>()("SomeFailed", { text: Schema.String }) {
  override readonly [EffectRuntime.errorExitCode] = 4
  override get message() {
    return this.text
  }
}

/** How a list of pictures went. */
export interface Outcome {
  readonly n: number
  readonly failed: number
  /** Answers of now that had to be closed. */
  readonly closed: number
  /** Draws of now that held no annotation, of pictures with others that did. */
  readonly unread: number
  /** The first that failed now, and why. */
  readonly first: string
}

/** Nothing so far. */
export const none: Outcome = { n: 0, failed: 0, closed: 0, unread: 0, first: "" }

/** With one more row. */
export const add = (sum: Outcome, { annotation, closed, draws, fault = "no annotation", image }: Row): Outcome => ({
  n: sum.n + 1,
  closed: sum.closed + (closed === true ? 1 : 0),
  unread: sum.unread + (annotation === null ? 0 : draws?.unread ?? 0),
  failed: sum.failed + (annotation === null ? 1 : 0),
  first: annotation === null && sum.first === "" ? faultOf(image, fault) : sum.first
})

/** Fails where nothing was annotated, or not all with `strict`; else warns of what to know. */
export const tell = Effect.fnUntraced(function*(
  { closed, failed, first, n, unread }: Outcome,
  { maxTokens, strict }: { readonly maxTokens: number; readonly strict: boolean }
) {
  if (closed > 0) {
    const many = closed === 1 ? "1 answer was" : `${closed} answers were`
    yield* warn(`${many} closed so as to end within ${maxTokens} tokens (--max-tokens): trust them less`)
  }
  if (unread > 0) {
    yield* warn(
      `${unread} of the draws held no annotation and were left out; what others of their pictures say stands`
    )
  }
  if (failed === n) return yield* new NothingAnnotated({ n, first })
  if (failed === 0) return
  const text = `${failed} of ${n} pictures could not be annotated; each has its fault.` +
    (first === "" ? "" : ` First, ${first}`)
  yield* strict ? new SomeFailed({ text }) : warn(text)
})
