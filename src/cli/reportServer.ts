/**
 * A report over HTTP on the loopback interface: the page and what lies beside it, and nothing else of the folder.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import { HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { createServer } from "node:http"
import { report } from "../studies/index.ts"
import * as Now from "../studies/report/Now.ts"
import * as Side from "../studies/report/Side.ts"

/** The address is taken, or may not be used. */
export class CannotServe extends Schema.TaggedError<CannotServe>()("CannotServe", {
  port: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message() {
    return `cannot serve on 127.0.0.1:${this.port}: another program may have it. Name another one, --port, or 0 for any`
  }
}

const headers = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy": "frame-ancestors 'none'"
}

/** A page of another address that has this one's name by a trick of the name system has another host. */
const isLoopback = (host: string | undefined): boolean =>
  host !== undefined && /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host)

const answer = (directory: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const request = yield* HttpServerRequest.HttpServerRequest
    const say = (status: number, text: string) => HttpServerResponse.text(text, { status, headers })
    if (!isLoopback(request.headers["host"])) return say(403, "only for this machine\n")
    if (request.method !== "GET") return say(405, "GET only\n")
    const [asked = "/"] = request.url.split("?")
    const name = asked === "/" || asked === "/report.html" ? "report.html" : asked.replace(/^\/report\//, "")
    if (name !== "report.html" && !Side.isOurs(name)) return say(404, "there is no such file\n")
    const file = name === "report.html" ? path.join(directory, name) : path.join(directory, Side.folder, name)
    const bytes = yield* Effect.option(fs.readFile(file))
    // Of a run that is over there is no such file: the page asks once more, and then loads itself.
    const over = HttpServerResponse.text(Side.script("now", null), { headers, contentType: "text/javascript" })
    return Option.match(bytes, {
      onNone: () => name === "now.js" ? over : say(404, "there is no such file\n"),
      onSome: (bytes) =>
        HttpServerResponse.uint8Array(bytes, {
          headers,
          contentType: name === "report.html" ? "text/html; charset=utf-8" : "text/javascript; charset=utf-8"
        })
    })
  })

const rewriteEvery = "10 seconds"

/**
 * Serves the report of a folder until it is interrupted; `ready` is told its address. A run writes its report by
 * itself; that of a script's run, which does not, is written here while it goes on.
 */
export const serve = <E, R>(
  directory: string,
  port: number,
  ready: (address: string) => Effect.Effect<void, E, R>
) =>
  Effect.gen(function*() {
    yield* report(directory)
    let pages = 0
    const again = Effect.gen(function*() {
      const now = yield* Now.read(directory)
      if (Option.isNone(now) || (yield* Now.isTold(directory))) return
      yield* report(directory, { now, browse: false })
      yield* Now.write(directory, now.value, ++pages, false)
    })
    yield* again
    const server = yield* NodeHttpServer.make(createServer, { port, host: "127.0.0.1" }).pipe(
      Effect.mapError((cause) => new CannotServe({ port, cause }))
    )
    const { address } = server
    yield* Effect.provideService(HttpServer.serveEffect(answer(directory)), HttpServer.HttpServer, server)
    yield* ready(`http://127.0.0.1:${"port" in address ? address.port : port}/`)
    return yield* Effect.forever(Effect.andThen(Effect.sleep(rewriteEvery), again))
  }).pipe(Effect.scoped)
