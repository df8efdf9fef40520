/** `rise init`: a folder to begin with, that trains in a minute. */
import { Console, Effect, FileSystem, Path, Schema } from "effect"
import { Argument, Command } from "effect/cli"
import packageJson from "../../../package.json" with { type: "json" }
import { makeFolder } from "../../kernels/runtime/makeFolder.ts"
import * as SystemFault from "../../kernels/runtime/SystemFault.ts"
import { there } from "../../kernels/runtime/there.ts"
import { config } from "../init/config.ts"
import { halves, labels, picture } from "../init/pictures.ts"
import { script } from "../init/script.ts"
import { readable } from "../process.ts"

class NotEmpty extends Schema.TaggedError<NotEmpty>()("NotEmpty", {
  folder: Schema.String,
  found: Schema.Array(Schema.String)
}) {
  override get message() {
    const { found, folder } = this
    const more = found.length > 3 ? ` and ${found.length - 3} more` : ""
    return `${folder} is not empty, nothing was written: it holds ${found.slice(0, 3).join(", ")}${more}. Name a new ` +
      "folder: rise init NAME"
  }
}

class CannotWrite extends Schema.TaggedError<CannotWrite>()("CannotWrite", {
  folder: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.folder} cannot be written: ${this.reason}. Name another folder: rise init NAME`
  }
}

/** What npm may put into a folder, or a system; it is in nobody's way. */
const harmless = [".git", ".DS_Store", "Thumbs.db"]

const manifest = `${JSON.stringify({ private: true, type: "module", scripts: { train: "node mine.ts" } }, null, 2)}\n`

const write = Effect.fnUntraced(function*(folder: string) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  yield* makeFolder(folder)
  const found = (yield* fs.readDirectory(folder)).filter((name) => !harmless.includes(name))
  if (found.length > 0) return yield* new NotEmpty({ folder, found: found.toSorted() })
  for (const [half, count] of Object.entries(halves)) {
    for (const label of labels) {
      yield* makeFolder(join(folder, "pictures", half, label))
      for (let n = 1; n <= count; n++) {
        yield* fs.writeFile(join(folder, "pictures", half, label, `${n}.png`), yield* picture(half, label, n))
      }
    }
  }
  // Never over what came in between.
  const files = [
    ["package.json", manifest],
    ["mine.ts", script],
    ["rise.config.json", config],
    [".gitignore", "runs/\n"]
  ] as const
  for (const [name, text] of files) {
    yield* fs.writeFileString(join(folder, name), text, { flag: "wx" })
  }
})

/** Whether a script in the folder finds the package, as Node looks for it: in its folder, and in those above. */
const finds = Effect.fnUntraced(function*(folder: string) {
  const path = yield* Path.Path
  const above = (at: string): ReadonlyArray<string> => path.dirname(at) === at ? [at] : [at, ...above(path.dirname(at))]
  const places = above(path.resolve(folder)).map((at) => path.join(at, "node_modules", packageJson.name))
  const found = yield* Effect.filter(places, there)
  return found.length > 0
})

const folder = Argument.String("folder").pipe(
  Argument.withDescription("A new or empty folder; default: this one"),
  Argument.withDefault(".")
)

export const init = Command.make("init", { folder }, ({ folder }) =>
  readable(
    write(folder).pipe(
      Effect.catchTag("PlatformError", (error) =>
        Effect.fail(new CannotWrite({ folder, reason: SystemFault.words(error) }))),
      Effect.andThen(finds(folder)),
      Effect.flatMap((finds) =>
        Console.log(
          [
            `${folder} holds ${labels.join(", ")} as pictures (${labels.length * halves.train} to train on, ${
              labels.length * halves.test
            } to test on), mine.ts, a task and its training, and rise.config.json, settings of the same training.`,
            "",
            ...(folder === "." ? [] : [`  cd ${folder}`]),
            ...(finds ? [] : [
              "  # Node finds no rise-vlm from there yet (README, in a project of your own):",
              `  npm install PATH/${packageJson.name}-${packageJson.version}.tgz`
            ]),
            "  # Trains in about a minute on two cores, then annotates pictures/test:",
            "  node mine.ts",
            "  # The same without a script, with a report:",
            "  npx rise train --data pictures --config rise.config.json --method RISE",
            "  # All methods, with settings that fit, in some minutes:",
            "  npx rise train --data pictures",
            "",
            "Put pictures of your own into pictures/train/LABEL and pictures/test/LABEL, and your labels into mine.ts."
          ].join("\n")
        )
      )
    )
  ))
