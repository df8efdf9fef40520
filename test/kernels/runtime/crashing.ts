/** A worker thread that answers nothing and dies of its second request. */
import { parentPort } from "node:worker_threads"

let requests = 0
parentPort?.on("message", () => {
  if (++requests === 2) throw new Error("out of luck")
})
parentPort?.postMessage({ _tag: "Ready" })
