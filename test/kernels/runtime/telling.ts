/** The worker's entry, telling what its arrays hold whenever it is asked on a channel. */
import { BroadcastChannel } from "node:worker_threads"
import "../../../src/kernels/runtime/worker.ts"

const channel = new BroadcastChannel("array-buffers")
channel.unref()
channel.onmessage = () => channel.postMessage(process.memoryUsage().arrayBuffers)
