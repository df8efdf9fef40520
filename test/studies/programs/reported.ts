/** A report on a run folder, written in a worker thread: `new Worker(program, { workerData: FOLDER })`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { workerData } from "node:worker_threads"
import { report } from "../../../src/studies/index.ts"

await Effect.runPromise(Effect.provide(report(String(workerData)), NodeServices.layer))
