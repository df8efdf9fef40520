/**
 * The first line of a command that trains: said before anything is read.
 */
import { Option } from "effect"
import packageJson from "../../package.json" with { type: "json" }
import { Event, report } from "../dsl/Progress.ts"
import { modelName } from "./embedded.ts"
import type { Study } from "./flags.ts"

/** Says what begins: on which data and model, under which seed, on what. */
export const header = (
  name: string,
  { data, device, model, seed }: Pick<Study, "data" | "device" | "model" | "seed">
) =>
  report(Event.Began({
    text: `rise ${packageJson.version} ${name}: ${
      Option.match(data, { onNone: () => "embedded pictures", onSome: (path) => `pictures in ${path}` })
    }, ${modelName(model)}, seed ${seed}, ${device}`
  }))
