/** `rise annotate`: pictures that nobody has labelled, one JSON object a line. */
import { Console, Effect, Option, Path, Schema, Stream } from "effect"
import { Argument, Command } from "effect/cli"
import { faultOf } from "../../evaluation/Asking.ts"
import * as Image from "../../kernels/image/Image.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import { annotate as annotateImages } from "../../pipelines/index.ts"
import * as Flags from "../flags.ts"
import { computing } from "../main.ts"
import { grammarMode, policy, together } from "../policy.ts"
import * as Task from "../task.ts"
import { form } from "./form.ts"

/** How a list of pictures went. */
interface Outcome {
  readonly n: number
  readonly failed: number
  /** The first that failed, and why. */
  readonly first: string
}

class NothingAnnotated
  extends Schema.TaggedError<NothingAnnotated>()("NothingAnnotated", { n: Schema.Int, first: Schema.String })
{
  override get message() {
    return `none of the ${this.n} pictures could be annotated. First, ${this.first}`
  }
}

const images = Argument.String("image").pipe(Argument.withDescription("Image files"), Argument.variadic({ min: 1 }))

export const annotate = Command.make("annotate", {
  ...Task.flags,
  model: Flags.model,
  adapter: Flags.adapter,
  ...Flags.remote,
  ...Flags.requests,
  ...Flags.frozen,
  seed: Flags.seed,
  device: Flags.device,
  workers: Flags.workers,
  form,
  images
}, (flags) =>
  computing(flags)(Effect.gen(function*() {
    yield* together(flags)
    const task = yield* Task.task(flags)
    const path = yield* Path.Path
    const { failed, first, n } = yield* Stream.fromIterable(flags.images).pipe(
      Stream.map((file) => Image.file(path.resolve(file), file)),
      annotateImages(task, { form: flags.form, grammar: grammarMode(flags) }),
      Stream.tap(({ annotation, fault, image, reasoning, text }) =>
        Console.log(JSON.stringify({
          image: image.id,
          annotation: Option.match(annotation, { onNone: () => null, onSome: task.encode }),
          reasoning: Option.getOrNull(reasoning),
          ...Option.match(fault, { onNone: () => ({}), onSome: (reason) => ({ fault: reason, text }) })
        }))
      ),
      Stream.runFold((): Outcome => ({ n: 0, failed: 0, first: "" }), (sum, { annotation, fault, image }) =>
        Option.isSome(annotation) ? { ...sum, n: sum.n + 1 } : {
          n: sum.n + 1,
          failed: sum.failed + 1,
          first: sum.failed === 0
            ? faultOf(
              image.id,
              Option.getOrElse(fault, () =>
                "no annotation")
            )
            : sum.first
        }),
      Effect.provide(policy(flags))
    )
    if (failed === n) {
      return yield* new NothingAnnotated({ n, first })
    }
    if (failed > 0) {
      yield* warn(`${failed} of ${n} pictures could not be annotated; each has its fault. First, ${first}`)
    }
  }))).pipe(Command.withDescription("Annotate images and say why, one JSON object a line"))
