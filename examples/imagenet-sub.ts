/**
 * The paper on ImageNet-Sub: which of 20 things does a picture show?
 *
 *   node examples/imagenet-sub.ts [--data DIR] [--model DIR] [--out DIR] [--preset quick|full|photos|paper|smoke] [--shots N] [--seed N] [--resume]
 *
 * With --data it reads ImageNet's folder (train/ and val/ with a folder per class) and draws the paper's subset. Without, it uses the
 * embedded scenes, which are synthetic: 20 objects in four art styles.
 */
import { Effect } from "effect"
import { Pipelines } from "../src/index.ts"
import * as Cli from "../src/cli/index.ts"

Cli.example("imagenet-sub", "Base, SFT, Visual-RFT and RISE on 20 classes", Effect.fn(function*(flags) {
  const preset = Cli.settings(flags, "imagenet-sub")
  const source = yield* Pipelines.Sources.imagenetSub(Cli.sourceOf(flags))
  const start = Pipelines.warmUp(source.task, source.train, preset)

  yield* Pipelines.compare({
    ...source, // the test half, the prior, what a text names
    start,
    methods: Cli.methods(flags, preset)(start), // SFT: eq. 8 on bare answers; Visual-RFT: eq. 10; RISE: eq. 1, 7, 8, 10
    preset,
    policy: Cli.policy(flags, preset)
  }).pipe(Cli.study({ name: "imagenet-sub", preset: "imagenet-sub", flags, task: source.task, source }))
}))
