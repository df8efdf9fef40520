/**
 * The commands: what each does, how it is called, and where it is. The root's help needs no more of them, so that none
 * is loaded before it is named.
 */
import { Command } from "effect/cli"
import * as Effect from "effect/Effect"

const entry = <const Name extends string, Input, C, E, R>(
  name: Name,
  description: string,
  examples: ReadonlyArray<Command.Command.Example>,
  load: () => Promise<Command.Command<Name, Input, C, E, R>>
) => {
  const told = <I2, C2, E2, R2>(command: Command.Command<Name, I2, C2, E2, R2>) =>
    command.pipe(Command.withDescription(description), Command.withExamples(examples))
  return { name, stub: told(Command.make(name)), load: Effect.map(Effect.promise(load), told) }
}

/** In the order of a user's way. */
export const catalogue = [
  entry(
    "init",
    "Write a folder with pictures, a task and a script that trains in a minute",
    [{ command: "rise init weather && cd weather && node mine.ts", description: "From nothing to a trained model" }],
    () => import("./commands/init.ts").then(({ init }) => init)
  ),
  entry(
    "doctor",
    "Say what this machine, a model and a folder of data are fit for, and how to mend what is not",
    [{ command: "rise doctor -m Qwen2-VL-2B-Instruct -d pictures", description: "Before a long run" }],
    () => import("./commands/doctor.ts").then(({ doctor }) => doctor)
  ),
  entry(
    "train",
    "Train and compare base, SFT, Visual-RFT and RISE, on pictures of your own or on scenes",
    [
      { command: "rise train -d pictures --budget 10m", description: "Pictures of your own, as they are laid out" },
      { command: "rise train --preset smoke -o runs/try", description: "See in seconds that everything goes through" },
      {
        command: "rise train -d pictures --labels sun,rain,snow --subject weather --method RISE",
        description: "Some of the labels, one of the methods"
      }
    ],
    () => import("./commands/train.ts").then(({ train }) => train)
  ),
  entry(
    "plan",
    "Say what train would do and how long it would take on this machine",
    [{ command: "rise plan -d pictures --budget 10m", description: "Stages, steps and minutes before anything runs" }],
    () => import("./commands/plan.ts").then(({ plan }) => plan)
  ),
  entry(
    "annotate",
    "Annotate images and say why, one JSON object a line",
    [{ command: "rise annotate -m runs/mine/model a.png b.jpg > labels.jsonl" }],
    () => import("./commands/annotate.ts").then(({ annotate }) => annotate)
  ),
  entry(
    "serve",
    "Serve a model: OpenAI's chat completions, JSON annotations and a page to drop pictures on",
    [{ command: "rise serve -m runs/mine/model", description: "On this machine, at http://127.0.0.1:8080" }],
    () => import("./commands/serve.ts").then(({ serve }) => serve)
  ),
  entry(
    "evaluate",
    "Measure a model on the test half of a data set",
    [
      { command: "rise evaluate -m runs/mine/model" },
      {
        command: "rise evaluate --remote http://127.0.0.1:8000/v1 --remote-model vl -o runs/remote --resume",
        description: "Go on with a model behind a server: what it has answered is not asked again"
      }
    ],
    () => import("./commands/evaluate.ts").then(({ evaluate }) => evaluate)
  ),
  entry(
    "export",
    "Write a model as ONNX graphs that onnxruntime runs in Python, Node and browsers",
    [{ command: "rise export --onnx weather-onnx -m runs/mine/model" }],
    () => import("./commands/export.ts").then(({ exporting }) => exporting)
  ),
  entry(
    "merge",
    "Write an adapter and the model that it was trained on as one model",
    [{ command: "rise merge -m Qwen2-VL-2B-Instruct --adapter runs/engine/model -o merged" }],
    () => import("./commands/merge.ts").then(({ merge }) => merge)
  ),
  entry(
    "report",
    "Write report.html of a run folder again, or follow a run in the browser",
    [
      { command: "rise report runs/mine" },
      { command: "rise report runs/mine --follow", description: "Serve it on this machine while the run goes on" }
    ],
    () => import("./commands/report.ts").then(({ report }) => report)
  ),
  entry(
    "audit",
    "Rank the samples of a data set by how suspect their labels are",
    [{ command: "rise audit --corrupt 0.1", description: "How well it finds labels that were exchanged on purpose" }],
    () => import("./commands/audit.ts").then(({ audit }) => audit)
  ),
  entry(
    "tables",
    "Run or resume the paper's experiments and print its tables",
    [{ command: "rise tables --table 4 --dry", description: "What would be run, and for how long" }],
    () => import("./commands/tables.ts").then(({ tables }) => tables)
  )
] as const
