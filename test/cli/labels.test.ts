/** Labels that are asked for beside those that a model was trained on. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { Classification } from "../../src/tasks/classification/index.ts"
import { here } from "./here.ts"

const shapes = Classification.make({
  name: "shapes",
  labels: ["circle", "square", "triangle"],
  subject: "shape",
  answer: "single"
})

/** What a command says before pictures are looked for: there are none. */
const saidBy = Effect.fnUntraced(function*(
  command: (model: string) => ReadonlyArray<string>,
  ...flags: ReadonlyArray<string>
) {
  const fs = yield* FileSystem.FileSystem
  const model = `${yield* fs.makeTempDirectoryScoped()}/model`
  yield* fs.copy(new URL("../../assets/scene-vl-places", import.meta.url).pathname, model)
  yield* fs.writeFileString(`${model}/rise-task.json`, JSON.stringify(shapes.described))
  return yield* here([...command(model), "--model", model, ...flags])
})

const said = (...flags: ReadonlyArray<string>) => saidBy((model) => ["annotate", `${model}/none.png`], ...flags)

describe("--labels of a trained model", () => {
  it.effect("are refused where one is mistyped, unless --task says that another question is meant", () =>
    Effect.gen(function*() {
      const mistyped = yield* said("--labels", "circle,sqare")
      assert.strictEqual(mistyped.code, 2)
      assert.match(
        mistyped.stderr,
        /trained on "circle", "square", "triangle", not on "sqare"; did you mean "square" by "sqare"\?.*--task/
      )
      const meant = yield* said("--labels", "circle,sqare", "--task", "soft-labels")
      assert.match(meant.stderr, /did you mean "square" by "sqare"\? As it is, that is another question/)
      assert.match(meant.stderr, /none\.png: no such file/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("are warned of where they make another question of it, with what to do", () =>
    Effect.gen(function*() {
      const why = {
        "circle,square": /leaves out "triangle"/,
        "square,circle,triangle": /in another order/,
        "circle,square,triangle,dog": /not on "dog"/,
        "sun,rain": /not on "sun", "rain"/
      }
      for (const [labels, reason] of Object.entries(why)) {
        const { stderr } = yield* said("--labels", labels)
        assert.match(stderr, reason)
        assert.match(stderr, /another question than the one it was trained on.*leave --labels out/)
      }
      // Each command says what else is to be done with it.
      for (
        const [command, instead] of [["evaluate", "to measure it"], ["audit", "to audit labels of the task"]] as const
      ) {
        const { stderr } = yield* saidBy((model) => [command, "--data", model], "--labels", "circle,square")
        assert.include(stderr, `leave --labels out ${instead}`)
      }
      const own = yield* said("--labels", "circle,square,triangle")
      assert.notMatch(own.stderr, /another question|asked otherwise/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
