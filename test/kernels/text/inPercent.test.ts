import { assert, it } from "@effect/vitest"
import { inPercent } from "../../../src/kernels/text/inPercent.ts"

it("shares are 0 and 100 percent only where they are", () => {
  const shown = [0, 0.001, 0.005, 0.5, 0.994, 199 / 200, 0.9999, 1, 1.2].map((share) => inPercent(share))
  assert.deepStrictEqual(shown, ["0", "<1", "1", "50", "99", ">99", ">99", "100", "120"])
  const tenths = [0, 1e-4, 6e-4, 0.4, 0.9996, 1].map((share) => inPercent(share, 1))
  assert.deepStrictEqual(tenths, ["0.0", "<0.1", "0.1", "40.0", ">99.9", "100.0"])
})
