/** The key, in the spellings that it comes back in. */
import { assert, describe, it } from "@effect/vitest"
import * as Secret from "../../../src/policy/http/Secret.ts"
import { stopwatch } from "../../stopwatch.ts"

const KEY = "sk/a+b=c_d.e-f<g>&\"h'0123"

describe("a redacted text", () => {
  it("holds the key in no spelling", () => {
    const clean = Secret.redactor(KEY)
    const json = JSON.stringify(KEY).slice(1, -1)
    const html = KEY.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
      .replaceAll("\"", "&quot;").replaceAll("'", "&#39;")
    const each = (spell: (code: number) => string) => [...KEY].map((char) => spell(char.charCodeAt(0))).join("")
    const hex = (code: number) => code.toString(16).padStart(2, "0")
    const spellings = [
      KEY,
      json,
      json.replaceAll("/", "\\/"),
      JSON.stringify(json).slice(1, -1),
      html,
      html.replaceAll("/", "&#x2F;"),
      encodeURIComponent(KEY),
      encodeURIComponent(encodeURIComponent(KEY)),
      encodeURIComponent(KEY).replace(
        /%../g,
        (escape) => escape.toLowerCase()
      ),
      each((code) => `\\u00${hex(code)}`),
      each(
        (code) => `\\U00${hex(code)}`.toLowerCase()
      ),
      each((code) => `\\u00${hex(code).toUpperCase()}`),
      each((code) => `&#${code};`),
      each((code) => `&#x${hex(code)};`),
      each((code) => `\\x${hex(code)}`),
      ...["", "B", "Be", "Bearer ", "user:"].map(
        (before) => Buffer.from(`${before}${KEY} and more`).toString("base64")
      ),
      Buffer.from(KEY).toString("base64url"),
      encodeURIComponent(Buffer.from(KEY).toString("base64")),
      KEY.toUpperCase(),
      KEY.toLowerCase(),
      Buffer.from(KEY).toString("hex").toUpperCase(),
      Buffer.from(KEY).toString("hex")
    ]
    for (const spelling of spellings) {
      const shown = clean(`before ${spelling} after`)
      assert.include(shown, "<redacted>", spelling)
      assert.match(shown, /^before .{0,12}<redacted>\S{0,24} after$/, spelling)
    }
  })

  it("holds the key in no piece of it that ends a line, or the text", () => {
    const clean = Secret.redactor(KEY)
    const base64 = Buffer.from(`Bearer ${KEY}`).toString("base64")
    const cut = (text: string, between: string) => `${text.slice(0, 15)}${between}${text.slice(15)}`
    for (const between of ["\n", "\r\n", "\r\n    ", "=\r\n", "\\\n", "\r\n1a\r\n", "\\n", "\\r\\n", "%0D%0A"]) {
      assert.strictEqual(clean(`before ${cut(KEY, between)} after`), "before <redacted> after", between)
      const shown = clean(`before ${cut(base64, between)} after`)
      assert.include(shown, "<redacted>", between)
      assert.notInclude(shown, base64.slice(15, -4), between)
    }
    // The server has cut its own words.
    assert.strictEqual(clean(`wrong key ${KEY.slice(0, 14)}`), "wrong key <redacted>")
    assert.strictEqual(clean(`wrong key ${KEY.slice(0, 14)}***`), "wrong key <redacted>***")
  })

  it("holds no token of any length", () => {
    for (const length of [300, 4000, 20_000]) {
      const token = Array.from({ length }, (_, i) => "eyJhbGci0iJ.SUzI1-NiIs_"[(i * 7) % 23]).join("")
      const clean = Secret.redactor(token)
      assert.strictEqual(clean(`a ${token} b`), "a <redacted> b")
      assert.notInclude(
        clean(Buffer.from(token).toString("base64")),
        Buffer.from(token).toString("base64").slice(4, 90)
      )
    }
  })

  it("is as it was where the key is not in it; no key redacts nothing; a short key is redacted too", () => {
    const text = "think of sk/a+b=c, \\u0073\\u006b and %73%6b"
    assert.strictEqual(Secret.redactor(KEY)(text), text)
    assert.strictEqual(Secret.redactor("")(text), text)
    assert.strictEqual(Secret.redactor("k")("think"), "thin<redacted>")
  })

  it("takes no longer for texts that are made to be slow", () => {
    const spent = stopwatch()
    Secret.redactor(KEY)("\\".repeat(200_000) + "%25".repeat(200_000) + "&amp;".repeat(100_000))
    assert.isBelow(spent(), 2000)
  })
})
