/**
 * Entry of a process that tries one provider and prints what it found: node probe.ts webgpu
 *
 * The model adds a vector to itself and may not fall back to the CPU.
 */
import { writeSync } from "node:fs"
import { env, InferenceSession, Tensor } from "onnxruntime-node"

const provider = process.argv[2] ?? ""
env.logLevel = "fatal"

/** y = x + x for float32 [4], written by the graph package. */
const model = Buffer.from(
  "CAoSCHJpc2UtdmxtOl8KFgoBeAoBeBICJTAaBUFkZF8xIgNBZGQKHQoCJTASAXkaCklkZW50aXR5X3kiCElkZW50aXR5EgRyaXNl" +
    "Wg8KAXgSCgoICAESBAoCCARiDwoBeRIKCggIARIECgIIBEIECgAQFEIRCg1jb20ubWljcm9zb2Z0EAE=",
  "base64"
)

/** The last sentence says what is wrong; before it come paths and signatures of the library. */
const readable = (message: string): string =>
  message.replace(/^.*\b(?:was false\.|error:)\s*/s, "").replace(/\s+/g, " ").trim()

const attempt = async (): Promise<string | null> => {
  try {
    const session = await InferenceSession.create(model, {
      executionProviders: [provider],
      logSeverityLevel: 4,
      extra: { session: { disable_cpu_ep_fallback: "1" } }
    })
    const { y } = await session.run({ x: new Tensor("float32", Float32Array.of(1, 2, 3, 4), [4]) })
    const sums = Array.from(y?.data as Float32Array)
    await session.release()
    return sums.join() === "2,4,6,8" ? null : `1, 2, 3, 4 added to itself gave ${sums.join(", ")}`
  } catch (cause) {
    return readable(cause instanceof Error ? cause.message : String(cause))
  }
}

writeSync(1, JSON.stringify({ reason: await attempt() }))
// Drivers leave threads behind that keep a process.
process.exit(0)
