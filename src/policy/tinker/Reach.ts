/**
 * Whether an engine is there, and what it says of itself before anything is opened: asked twice at most, for whoever
 * has mistyped an address should not wait.
 */
import { Duration, Effect, Option, type Redacted } from "effect"
import { shownAddress, withoutSlash } from "../http/Address.ts"
import * as Announced from "./Announced.ts"
import { TinkerError } from "./TinkerError.ts"
import * as Transport from "./Transport.ts"

/** What is said. */
export interface Said {
  /** The address, as it is shown. */
  readonly shown: string
  /** Names of base models; empty where it does not say. */
  readonly models: ReadonlyArray<string>
}

const json = "application/json"

/** Asks an address. Fails where nobody is there, a key is wanted, or the server speaks another protocol. */
export const ask = Effect.fnUntraced(
  function*(
    options: Transport.Limits & { readonly baseUrl: string; readonly apiKey: Redacted.Redacted<string> | undefined }
  ) {
    const baseUrl = withoutSlash(options.baseUrl).replace(/\/api\/v1$/, "")
    const transport = yield* Transport.make({
      attempts: 2,
      attemptTimeout: "10 seconds",
      ...options,
      baseUrl,
      seed: 0,
      patience: Duration.seconds(10)
    })
    const asked: Transport.Request = { method: "GET", path: "get_server_capabilities", accept: json, key: "reach" }
    const answer = yield* transport.send(asked)
    const { status } = answer
    if (status === 401 || status === 403) return yield* transport.refused(asked, answer)
    const found = Announced.namesIn(answer)
    if (Option.isNone(found)) {
      const reason = `${
        status === 200 ? "what the server answered is no list of models" : `the server answered ${status}`
      }: it does not speak the Tinker protocol, or not at this address`
      return yield* new TinkerError({ ...transport.refused(asked, answer), reason })
    }
    const said: Said = { shown: shownAddress(baseUrl), models: found.value }
    return said
  }
)
