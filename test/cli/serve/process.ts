/** `rise serve` as a process, and requests at it. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Stream } from "effect"
import { spawn } from "node:child_process"
import { request } from "node:http"
import sharp from "sharp"
import { Scenes } from "../../../src/data/index.ts"
import { Decode } from "../../../src/kernels/image/index.ts"
import { rise } from "../processes.ts"

export interface Served {
  readonly port: number
  readonly base: string
  /** What it said so far. */
  readonly said: () => string
  readonly signal: (name: NodeJS.Signals) => void
  readonly ended: Promise<number | null>
}

/** Starts a server on a free port, and waits for it. */
export const start = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  new Promise<Served>((resolve, reject) => {
    const child = spawn(process.execPath, [rise, "serve", "--port", "0", ...args], {
      env: { ...process.env, RISE_SERVE_TOKEN: "", ...env }
    })
    const ended = new Promise<number | null>((resolve) => child.on("close", (code) => resolve(code)))
    let said = ""
    child.stderr.on("data", (chunk) => {
      said += chunk
      const [, port] = /served at \S+:(\d+):/.exec(said) ?? []
      if (port === undefined) return
      resolve({
        port: Number(port),
        base: `http://127.0.0.1:${port}`,
        said: () => said,
        signal: (name) => void child.kill(name),
        ended
      })
    })
    void ended.then((code) => reject(new Error(`ended with ${code}: ${said}`)))
  })

/** Pictures of scenes, as PNG files. */
export const pictures = (count: number) =>
  Effect.runPromise(
    Stream.runCollect(Scenes.dataset({ split: "test", limit: count })).pipe(
      Effect.flatMap(Effect.forEach(({ image }) => Decode.load(image))),
      Effect.flatMap(Effect.forEach(({ data, height, width }) =>
        Effect.promise(() => sharp(data, { raw: { width, height, channels: 3 } }).png().toBuffer())
      )),
      Effect.provide(NodeServices.layer)
    )
  )

export const urlOf = (png: Buffer): string => `data:image/png;base64,${png.toString("base64")}`

/** One user turn with pictures. */
export const turn = (text: string, ...pngs: ReadonlyArray<Buffer>) => ({
  role: "user",
  content: [
    ...pngs.map((png) => ({ type: "image_url", image_url: { url: urlOf(png) } })),
    ...(text === "" ? [] : [{ type: "text", text }])
  ]
})

export interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
}

/** A request with the headers as they are given: `fetch` lets nobody set Host or Origin. */
export const send = (
  port: number,
  path: string,
  { body, headers = {}, method = body === undefined ? "GET" : "POST", seen = () => {} }: {
    readonly method?: string
    readonly body?: string | Buffer
    readonly headers?: Readonly<Record<string, string>>
    /** Told what has come so far, with every part. */
    readonly seen?: (text: string) => void
  } = {}
) =>
  new Promise<Got>((resolve, reject) => {
    const sent = request({ port, path, method, headers: { ...headers } }, (response) => {
      let text = ""
      response.on("data", (part) => {
        text += part
        seen(text)
      })
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
      response.on("error", reject)
    })
    sent.on("error", reject)
    sent.end(body)
  })

/** A chat completion, whatever comes of it. */
export const chat = async (port: number, body: object | string, headers: Readonly<Record<string, string>> = {}) => {
  const sent = typeof body === "string" ? body : JSON.stringify({ model: "scene-vl-places", temperature: 0, ...body })
  const got = await send(port, "/v1/chat/completions", {
    body: sent,
    headers: { "content-type": "application/json", ...headers }
  })
  return { ...got, json: got.text.startsWith("{") ? JSON.parse(got.text) : undefined }
}
