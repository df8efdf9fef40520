/**
 * What an audit found, as Label Studio's tasks: each suspect with two pre-annotations, what was rebuilt and the label
 * that it has.
 */
import { Effect, Option, Result, Schema, Stream } from "effect"
import * as Atomic from "../../dsl/Atomic.ts"
import type { Sample, Task } from "../../dsl/Task.ts"
import { rounded } from "../../evaluation/confidence.ts"
import { Decode } from "../../kernels/image/index.ts"
import { Audit } from "../../studies/index.ts"
import * as LabelStudio from "./LabelStudio.ts"
import type { Shape, Size, Value } from "./Row.ts"

export interface Options<A, E, R> {
  /** The file. The set-up of a project for it lies beside it, `FILE.xml`. */
  readonly path: string
  readonly task: Task<A>
  readonly shape: Shape
  readonly value: (annotation: A, size: Size) => Value
  /** The audited samples, for the sizes of their pictures. */
  readonly data: Stream.Stream<Sample<A>, E, R>
  /** The most suspect first. */
  readonly suspects: ReadonlyArray<Audit.Suspect>
  /** Stands before the names of pictures. */
  readonly prefix: string
}

/** Writes both files. A picture that cannot be opened any more is an error. */
export const write = Effect.fnUntraced(
  function*<A, E, R>({ data, path, prefix, shape, suspects, task, value }: Options<A, E, R>) {
    const ids = new Set(suspects.map(({ image }) => image))
    const sizes = new Map(
      yield* data.pipe(
        Stream.filter(({ image }) => ids.has(image.id)),
        Stream.mapEffect(({ image }) => Effect.map(Decode.size(image), (size) => [image.id, size] as const)),
        Stream.runCollect
      )
    )
    const marked = (text: string | null, image: string) => {
      const size = sizes.get(image)
      return Option.match(Option.flatMap(Option.fromNullOr(text), (text) => Result.getSuccess(task.decode(text))), {
        onNone: () => [],
        onSome: (annotation) => size === undefined ? [] : LabelStudio.regions(value(annotation, size), shape, size)
      })
    }
    const tasks = suspects.map((suspect) => {
      // All that suspects.jsonl says: the reasoning is a pre-annotation, and a path of this machine leads nowhere.
      const { image, path: _, reasoning, ...said } = Schema.encodeSync(Audit.Suspect)(suspect)
      const { label, reconstruction, similarity } = said
      return JSON.stringify({
        data: { image: LabelStudio.addressOf(prefix, image), file_name: image, ...said },
        predictions: [
          {
            model_version: "audit",
            // The surer the label is wrong, the higher: a project can be sorted by it.
            score: rounded(Math.min(1, Math.max(0, 1 - similarity))),
            result: [...marked(reconstruction, image), ...LabelStudio.told(reasoning)]
          },
          { model_version: "label", result: marked(label, image) }
        ]
      })
    })
    yield* Atomic.writeAll(path, LabelStudio.document(Stream.fromIterable(tasks)))
    yield* Atomic.writeText(`${path}.xml`, LabelStudio.setUp(shape))
  }
)
