/**
 * The paper on LISA-style data: a question about a picture, and the one box that answers it.
 *
 *   node examples/lisa.ts [--data DIR] [--model DIR] [--out DIR] [--preset quick|full|photos|paper|smoke] [--shots N] [--seed N] [--resume]
 *
 * With --data it reads ReasonSeg's folder (train/ and val/); --shots counts samples in all. Without, it uses the embedded scenes, which
 * are synthetic: "Where is the thing of use in rainy weather?"
 */
import { Effect } from "effect"
import { Pipelines } from "../src/index.ts"
import * as Cli from "../src/cli/index.ts"

Cli.example("lisa", "Base, SFT, Visual-RFT and RISE on questions that take reasoning", Effect.fn(function*(flags) {
  const preset = Cli.settings(flags, "lisa")
  const source = yield* Pipelines.Sources.lisa(Cli.sourceOf(flags))
  const start = Pipelines.warmUp(source.task, source.train, preset)

  yield* Pipelines.compare({
    ...source, // the test half, the prior, what a text names
    start,
    methods: Cli.methods(flags, preset)(start), // SFT: eq. 8 on bare answers; Visual-RFT: eq. 10; RISE: eq. 1, 7, 8, 10
    preset,
    policy: Cli.policy(flags, preset)
  }).pipe(Cli.study({ name: "lisa", preset: "lisa", flags, task: source.task, source }))
}))
