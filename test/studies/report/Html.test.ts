import { assert, describe, it } from "@effect/vitest"
import { prose } from "../../../src/studies/report/Html.ts"

describe("prose", () => {
  it("keeps flags in one piece, and leaves words with a dash within as they are", () => {
    assert.strictEqual(
      prose("left out: Visual-RFT (--method SFT trains it), or -m DIR <b> - as fine-tuning"),
      "left out: Visual-RFT <span class=\"flag\">(--method</span> SFT trains it), or " +
        "<span class=\"flag\">-m</span> DIR &lt;b&gt; - as fine-tuning"
    )
    assert.strictEqual(prose("--data x"), "<span class=\"flag\">--data</span> x")
    assert.strictEqual(prose("<a --x"), "&lt;a <span class=\"flag\">--x</span>")
  })
})
