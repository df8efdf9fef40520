/** `rise serve` as a process, asked as its clients ask it. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { createServer } from "node:net"
import { Script } from "node:vm"
import * as Answer from "../../../src/dsl/Answer.ts"
import * as PolicyGrammar from "../../../src/dsl/grammar/PolicyGrammar.ts"
import { Emotion6, Pipelines, Policy } from "../../../src/index.ts"
import { Image } from "../../../src/kernels/image/index.ts"
import { node, rise } from "../processes.ts"
import { chat, pictures, send, type Served, start, turn, urlOf } from "./process.ts"

let server: Served
let pngs: ReadonlyArray<Buffer>
const local = Policy.onnx({ model: "embedded", trainable: "none", workers: 1 })
const remote = (grammars: boolean) =>
  Policy.openai({ baseUrl: `${server.base}/v1`, model: "scene-vl-places", grammars, attempts: 1 })

beforeAll(async () => {
  ;[server, pngs] = await Promise.all([start(["--stream", "tokens"]), pictures(6)])
})
afterAll(async () => {
  server.signal("SIGTERM")
  await server.ended
})

/** What the model answers, by the command's own way. */
const rows = () =>
  Effect.runPromise(
    Stream.fromIterable(pngs.map((png, i) => Image.encoded(`p${i}`, png))).pipe(
      Pipelines.annotate(Emotion6.task),
      Stream.map(({ text }) => text),
      Stream.runCollect,
      Effect.scoped,
      Effect.provide(Layer.merge(local, NodeServices.layer))
    )
  )

describe("rise serve", () => {
  it("answers its own question in its format, whole and streamed, and says what each token adds", async () => {
    const expected = await rows()
    for (const [i, png] of pngs.entries()) {
      const { json, status } = await chat(server.port, { messages: [turn("", png)], logprobs: true })
      assert.strictEqual(status, 200)
      const [choice] = json.choices
      assert.strictEqual(choice.message.content, expected[i])
      assert.strictEqual(choice.finish_reason, "stop")
      const tokens: ReadonlyArray<{ token: string; logprob: number; bytes: Array<number> }> = choice.logprobs.content
      assert.strictEqual(tokens.map(({ token }) => token).join("").trim(), expected[i])
      assert.strictEqual(Buffer.from(tokens.flatMap(({ bytes }) => bytes)).toString().trim(), expected[i])
      assert.isTrue(tokens.every(({ logprob }) => logprob <= 1e-6 && logprob > -50))
      // The end of the turn is drawn, and no part of the text.
      assert.strictEqual(json.usage.completion_tokens, tokens.length + 1)
      assert.strictEqual(json.usage.total_tokens, json.usage.prompt_tokens + json.usage.completion_tokens)

      const streamed = await chat(server.port, {
        messages: [turn("", png)],
        stream: true,
        stream_options: { include_usage: true }
      })
      assert.match(String(streamed.headers["content-type"]), /^text\/event-stream/)
      const events = streamed.text.trimEnd().split("\n\n").map((event) => event.replace(/^data: /, ""))
      assert.strictEqual(events.pop(), "[DONE]")
      const chunks = events.map((event) => JSON.parse(event))
      assert.strictEqual(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), expected[i])
      assert.deepStrictEqual(chunks.at(-1).usage, json.usage)
      assert.isAbove(chunks.length, tokens.length)
    }
  })

  it("streams what is drawn while more is drawn, to the texts of an answer that comes whole", async () => {
    const drawn = {
      model: "scene-vl-places",
      messages: [turn("Explain this picture.", pngs[0]!)],
      n: 4,
      seed: 3,
      temperature: 1.5,
      max_tokens: 200,
      stop: ["zebra"]
    }
    let asked: Promise<string> | undefined
    const streamed = await send(server.port, "/v1/chat/completions", {
      body: JSON.stringify({ ...drawn, stream: true }),
      headers: { "content-type": "application/json" },
      seen: (text) => {
        if (/"content":"[^"]/.test(text)) asked ??= send(server.port, "/health").then(({ text }) => text)
      }
    })
    // When the first piece was here, its request still had its places.
    assert.strictEqual(JSON.parse(await asked!).places, 4)
    const choices = streamed.text.split("\n\n").filter((event) => event.startsWith("data: {"))
      .flatMap((event) => JSON.parse(event.slice(6)).choices)
    const { json } = await chat(server.port, drawn)
    for (const { finish_reason, index, message } of json.choices) {
      const own = choices.filter((choice) => choice.index === index)
      assert.strictEqual(own.map(({ delta }) => delta.content ?? "").join(""), message.content)
      assert.deepStrictEqual(own.map((choice) => choice.finish_reason).filter((why) => why !== null), [finish_reason])
    }
    // Choices are told side by side, not one behind the other.
    const order = choices.map(({ index }) => index).join("")
    assert.notMatch(order, /^0+1+2+3+$/)
  })

  it("draws by seed, several choices at a time, and stops where it is told", async () => {
    const [png] = pngs
    const drawn = { messages: [turn("", png!)], n: 3, temperature: 1, seed: 5, max_tokens: 48 }
    const contents = async (more: object) => {
      const { json } = await chat(server.port, { ...drawn, ...more })
      return json.choices.map((choice: { message: { content: string } }) => choice.message.content)
    }
    const [one, again, other] = [await contents({}), await contents({}), await contents({ seed: 6 })]
    assert.deepStrictEqual(one, again)
    assert.strictEqual(new Set(one).size, 3)
    assert.notDeepEqual(one, other)
    const whole = (await chat(server.port, { messages: [turn("", png!)] })).json.choices[0].message.content
    const cut = await chat(server.port, { messages: [turn("", png!)], stop: ["</answer>", "</think>"], logprobs: true })
    const [choice] = cut.json.choices
    assert.strictEqual(choice.message.content, whole.split("</think>")[0])
    assert.strictEqual(
      choice.logprobs.content.map(({ token }: { token: string }) => token).join(""),
      choice.message.content
    )
    const short = await chat(server.port, { messages: [turn("", png!)], max_completion_tokens: 3, mask: false })
    assert.strictEqual(short.json.choices[0].finish_reason, "length")
  })

  it("is a policy to our own client, with texts and log-probabilities of the local one, masked or not", async () => {
    const draw = (masked: boolean) =>
      Effect.gen(function*() {
        const policy = yield* Policy.Policy
        const grammar = masked ? yield* PolicyGrammar.ofAnswer(Emotion6.task, "think") : undefined
        const session = yield* policy.session
        const requests = yield* Effect.forEach(pngs.slice(0, 3), (png, i) =>
          Effect.map(Answer.ask(Emotion6.task, "think", { image: Image.encoded(`p${i}`, png) }), (prompt) => ({
            // Another question than its own is not held to anything.
            prompt: masked ? prompt : { ...prompt, text: "Explain this picture." },
            key: `p${i}`
          })))
        const groups = yield* session.sample(requests, { count: 1, maxTokens: 96, temperature: 0, grammar })
        return groups.flat()
      }).pipe(Effect.scoped)
    for (const masked of [false, true]) {
      const here = await Effect.runPromise(draw(masked).pipe(Effect.provide(local)))
      const there = await Effect.runPromise(draw(masked).pipe(Effect.provide(remote(masked))))
      assert.deepStrictEqual(there.map(({ text }) => text), here.map(({ text }) => text))
      for (const [i, { logprobs, tokens }] of here.entries()) {
        const end = masked ? 0 : 1
        // A vLLM's token ids have the end of the turn among them; without ids nobody needs it.
        assert.strictEqual(there[i]!.logprobs.length, tokens.length - end)
        if (masked) assert.deepStrictEqual([...there[i]!.tokens], [...tokens])
        for (const [t, logprob] of there[i]!.logprobs.entries()) assert.closeTo(logprob, logprobs[t]!, 1e-4)
      }
    }
  })

  it("gives the rows of rise annotate for a body, a form and JSON", async () => {
    const [png] = pngs
    const form = new FormData()
    form.append("image", new File([new Uint8Array(png!)], "here.png", { type: "image/png" }))
    const answers = await Promise.all([
      send(server.port, "/annotate", { body: png!, headers: { "content-type": "image/png" } }).then(({ text }) => text),
      fetch(`${server.base}/annotate`, { method: "POST", body: form }).then((response) => response.text()),
      send(server.port, "/annotate", {
        body: JSON.stringify({ image: urlOf(png!), name: "there.png" }),
        headers: { "content-type": "application/json" }
      }).then(({ text }) => text)
    ])
    // A question in the address is one, however the picture comes.
    const other = new FormData()
    other.append("image", new File([new Uint8Array(png!)], "here.png", { type: "image/png" }))
    const asked = await Promise.all([
      send(server.port, "/annotate?question=why", { body: png!, headers: { "content-type": "image/png" } }),
      send(server.port, "/annotate?question=why", {
        body: JSON.stringify({ image: urlOf(png!) }),
        headers: { "content-type": "application/json" }
      })
    ])
    for (const { status, text } of asked) {
      assert.strictEqual(status, 400)
      assert.match(text, /this model asks every picture the same: leave \\"question\\" out/)
    }
    const inForm = await fetch(`${server.base}/annotate?question=why`, { method: "POST", body: other })
    assert.strictEqual(inForm.status, 400)
    const [expected] = await rows()
    const read = answers.map((text) => JSON.parse(text))
    assert.deepStrictEqual(read.map(({ image }) => image), ["picture", "here.png", "there.png"])
    for (const { annotation, model, reasoning, value, width } of read) {
      assert.strictEqual(`<think>${reasoning}</think><answer>${annotation}</answer>`, expected)
      assert.strictEqual(model, "scene-vl-places")
      assert.closeTo(Object.values<number>(value).reduce((sum, share) => sum + share, 0), 1, 1e-9)
      assert.strictEqual(width, 112)
    }
  })

  it("refuses what it cannot do, by field, in OpenAI's words", async () => {
    const messages = [turn("", pngs[0]!)]
    const user = (content: unknown) => ({ messages: [{ role: "user", content }] })
    const url = (address: string) => user([{ type: "image_url", image_url: { url: address } }])
    const table: ReadonlyArray<readonly [object | string, number, string | null, RegExp]> = [
      ["", 400, null, /empty, expected JSON/],
      ["{\"model\":", 400, null, /no JSON/],
      ["[]", 400, null, /\[\], expected a JSON object/],
      ["{\"n\":1,\"n\":2}", 400, null, /^the body: line 1, column 8: "n" stands twice in one object/],
      ["[".repeat(400), 400, null, /no JSON/],
      [{ model: "gpt-5", messages }, 404, "model", /does not exist: this server has "scene-vl-places"/],
      [{}, 400, "messages", /messages is undefined, expected/],
      [{ messages: [] }, 400, "messages", /expected a list/],
      [{ messages: [{ role: "system", content: "hi" }, ...messages] }, 400, "messages.0.role", /in one turn/],
      [{ messages: [...messages, ...messages] }, 400, "messages", /2 messages, expected one/],
      [user(""), 400, "messages.0.content", /says nothing/],
      [user([{ type: "video_url" }]), 400, "messages.0.content.0", /expected \{ type: "text"/],
      [url("https://example.org/a.png"), 400, "messages.0.content.0.image_url.url", /fetches nothing/],
      [url("data:image/png,abc"), 400, "messages.0.content.0.image_url.url", /expected base64/],
      [url("data:image/png;base64,~~"), 400, "messages.0.content.0.image_url.url", /not base64/],
      [url("data:image/png;base64,"), 400, "messages.0.content.0.image_url.url", /empty/],
      [url(urlOf(pngs[0]!.subarray(0, 80))), 400, "messages.0.content (picture 1)", /^the picture: /],
      [{ messages, temperature: 200 }, 400, "temperature", /temperature is 200, expected 0/],
      [{ messages, n: 17 }, 400, "n", /from 1 to 16/],
      [{ messages, max_tokens: 0 }, 400, "max_tokens", /from 1/],
      [{ messages, max_tokens: 7 }, 400, "max_tokens", /max_tokens is 7, expected at least 8: .*"mask": false/],
      [{ messages, max_tokens: 8, max_completion_tokens: 8 }, 400, "max_tokens", /one limit/],
      [{ messages, max_tokens: 100_000 }, 400, "max_tokens", /maximum context length: max_tokens is 100000/],
      [{ messages, stop: ["a", ""] }, 400, "stop", /at most 4/],
      [{ messages, top_logprobs: 3 }, 400, "top_logprobs", /unsupported parameter/],
      [{ messages, tools: [{}] }, 400, "tools", /unsupported parameter/],
      [{ messages, response_format: { type: "json_object" } }, 400, "response_format.type", /unsupported parameter/],
      [{ messages, top_k: 1 }, 400, "top_k", /unrecognized request argument/],
      [{ messages, structured_outputs: { regex: "[ab]+" } }, 400, "structured_outputs", /own answers/],
      [{ ...user("What?"), mask: true }, 400, "mask", /own question/]
    ]
    for (const [body, status, param, says] of table) {
      const got = await chat(server.port, body)
      const of = JSON.stringify(body).slice(0, 120)
      assert.strictEqual(got.status, status, `${of}: ${got.text}`)
      assert.strictEqual(got.json.error.param, param, of)
      assert.match(got.json.error.message, says)
      assert.strictEqual(got.json.error.type, "invalid_request_error")
    }
    // What asks for nothing is taken.
    const harmless = {
      tools: [],
      user: "me",
      frequency_penalty: 0,
      response_format: { type: "text" },
      logit_bias: {},
      stop: null
    }
    assert.strictEqual((await chat(server.port, { messages, ...harmless })).status, 200)
  })

  it("refuses bodies of /annotate that hold no picture", async () => {
    const post = (type: string, body: string | Buffer) =>
      send(server.port, "/annotate", { body, headers: { "content-type": type } })
    const table = await Promise.all([
      post("text/plain", "hello"),
      post("image/png", "hello"),
      post("image/png", ""),
      post("application/json", "{}"),
      post("application/json", JSON.stringify({ image: urlOf(pngs[0]!), question: "What?" })),
      post("multipart/form-data; boundary=x", "--x\r\n"),
      post("multipart/form-data", "--x\r\n")
    ])
    assert.deepStrictEqual(table.map(({ status }) => status), [415, 400, 400, 400, 400, 400, 400])
    for (const { text } of table) assert.isString(JSON.parse(text).error.message)
  })

  it("shows a page that runs nothing but its own files, and lets no other site ask", async () => {
    const page = await send(server.port, "/")
    assert.match(
      String(page.headers["content-security-policy"]),
      /^default-src 'none'; script-src 'self'; style-src 'self'/
    )
    assert.notMatch(page.text, /<script>|<style|style=|\son\w+=|https?:/)
    const files = [...page.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, file]) => file!)
    assert.deepStrictEqual(files, ["/page.css", "/page.js"])
    const [, script] = await Promise.all(files.map((file) => send(server.port, file)))
    assert.doesNotThrow(() => new Script(script!.text))
    assert.notMatch(script!.text, /innerHTML|insertAdjacent|eval\(/)

    const of = (headers: Readonly<Record<string, string>>) => send(server.port, "/v1/models", { headers })
    const asked = await Promise.all([
      of({ host: `evil.example:${server.port}` }),
      of({ origin: "https://evil.example" }),
      of({ host: `localhost:${server.port}`, origin: `http://localhost:${server.port}` }),
      of({ host: `[::1]:${server.port}` })
    ])
    assert.deepStrictEqual(asked.map(({ status }) => status), [403, 403, 200, 200])
    const lost = await send(server.port, "/v1/embeddings", { body: "{}" })
    assert.strictEqual(lost.status, 404)
    const way = await send(server.port, "/annotate")
    assert.deepStrictEqual([way.status, way.headers["allow"]], [405, "POST"])
    const model = JSON.parse((await send(server.port, "/v1/models/scene-vl-places")).text)
    assert.deepStrictEqual(model.task.labels, [...Emotion6.labels])
  })

  it("says why it cannot be started", async () => {
    const held = createServer().listen(0, "127.0.0.1")
    await new Promise((resolve) => held.once("listening", resolve))
    const { port } = held.address() as { port: number }
    const [taken, token] = await Promise.all([
      Effect.runPromise(node([rise, "serve", "--port", String(port)])),
      Effect.runPromise(node([rise, "serve"], { env: { RISE_SERVE_TOKEN: "short" } }))
    ])
    held.close()
    assert.strictEqual(taken.code, 1)
    assert.match(taken.stderr, new RegExp(`127\\.0\\.0\\.1:${port} cannot be listened at: another program.*--port`))
    assert.strictEqual(token.code, 2)
    assert.match(token.stderr, /RISE_SERVE_TOKEN is no token: 8 to 512 characters/)
  })
})
