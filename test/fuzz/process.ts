/**
 * A process that reads inputs, one after the other, and tells its parent of each before and after. An input that does
 * not come back is ended with it.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Effect, Exit, Layer, Logger, ManagedRuntime } from "effect"
import { mkdirSync } from "node:fs"
import { peakBytes } from "../../src/kernels/runtime/peak.ts"
import * as Inputs from "./inputs.ts"
import { targets } from "./targets/index.ts"

/** What a parent says. */
export interface Order {
  readonly seed: number
  /** The first input, and how many to go on by: several processes share them. */
  readonly from: number
  readonly by: number
  readonly to: number
  /** Names; all where there are none. */
  readonly targets: ReadonlyArray<string>
  readonly folder: string
}

/** What became of an input. */
export type Told =
  | { readonly _tag: "Begun"; readonly at: number }
  | {
    readonly _tag: "Ended"
    readonly at: number
    readonly taken: boolean
    readonly milliseconds: number
    readonly mebibytes: number
    readonly defect?: string
  }

const runtime = ManagedRuntime.make(Layer.mergeAll(NodeServices.layer, Logger.layer([])))
const tell = (told: Told) => void process.send?.(told)

/** Peak of this process so far, in MiB. */
const peak = () => peakBytes() / 2 ** 20

const read = async ({ by, folder, from, seed, targets: names, to }: Order): Promise<void> => {
  const chosen = targets.filter(({ name }) => names.length === 0 || names.includes(name))
  const all = await runtime.runPromise(Inputs.prepared(chosen))
  for (let at = from; at < to; at += by) {
    const { bytes, target } = Inputs.input(all, seed, at)
    const own = `${folder}/${target.name}`
    mkdirSync(own, { recursive: true })
    tell({ _tag: "Begun", at })
    // The machine may be busy with others: the time of this process is what counts.
    const [cpu, before] = [process.cpuUsage(), peak()]
    const exit = await runtime.runPromiseExit(Effect.suspend(() => target.run(bytes, own)))
    const { system, user } = process.cpuUsage(cpu)
    const defect = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : undefined
    tell({
      _tag: "Ended",
      at,
      taken: Exit.isSuccess(exit) && exit.value,
      milliseconds: (system + user) / 1000,
      mebibytes: peak() - before,
      ...(defect !== undefined && { defect })
    })
  }
  process.disconnect()
}

process.once("message", (order: Order) => void read(order))
