/**
 * From a scene to its annotation: the combining rule, then 15 simulated raters.
 *
 * 1. Each object casts a light on the face: the *reading* of the pair is the interaction of face and affect group where
 *    one is stated (nine tenths, the object's own vector the rest), else 55% face and 45% object (plain: 90% and 10%).
 * 2. Readings are averaged with the weight of their group: danger is noticed first, plain things last.
 * 3. The background adds 12%.
 * 4. The result is sharpened, p ∝ m^1.5: raters tend to name what stands out.
 * 5. Fifteen raters each name one emotion, drawn from p.
 *
 * @module
 */
import * as Keyed from "../../kernels/math/Keyed.ts"
import type { Feelings } from "./Emotions.ts"
import { ofBackground, ofFace, ofObject, overturn } from "./Emotions.ts"
import type { Composition, Scene } from "./Scene.ts"
import type { Face, Group, ObjectName } from "./World.ts"
import { emotions, groupOf } from "./World.ts"

/** How much each group's reading counts. */
export const salience: Record<Group, number> = {
  menacing: 1.6,
  mournful: 1.3,
  festive: 1,
  filthy: 1,
  cuddly: 0.7,
  plain: 0.1
}
const backgroundShare = 0.12
const sharpness = 1.5
/** Simulated raters of a scene: the shares of a truth are fifteenths. */
export const raters = 15

const blend = (a: Feelings, b: Feelings, shareOfB: number): Feelings =>
  a.map((value, i) => value * (1 - shareOfB) + (b[i] ?? 0) * shareOfB)

const normalised = (values: Feelings): Feelings => {
  const total = values.reduce((sum, value) => sum + value, 0)
  return values.map((value) => value / total)
}

/** What a face means beside one object. */
export const reading = (face: Face, object: ObjectName): Feelings => {
  const group = groupOf(object)
  const together = overturn(face, group)
  if (together !== undefined) return blend(together, ofObject(object), 0.1)
  return blend(ofFace[face], ofObject(object), group === "plain" ? 0.1 : 0.45)
}

/** The distribution that raters draw from. Sums to 1. A scene without objects is its face and background. */
export const feelings = (
  { background, face, objects }: Pick<Composition, "background" | "face" | "objects">
): Feelings => {
  const sum = emotions.map(() => 0)
  let weights = 0
  for (const object of objects) {
    const weight = salience[groupOf(object)]
    weights += weight
    reading(face, object).forEach((value, i) => {
      sum[i] = (sum[i] ?? 0) + value * weight
    })
  }
  const read = weights === 0 ? ofFace[face] : normalised(sum)
  return normalised(blend(read, ofBackground[background], backgroundShare).map((value) => value ** sharpness))
}

/** The annotation of a scene: shares of 15 votes in the order of `emotions`. Sums to 1. */
export const truth = (scene: Scene): ReadonlyArray<number> => {
  const random = Keyed.stream(scene.seed, `${scene.id}/raters`)
  const share = feelings(scene)
  const votes = emotions.map(() => 0)
  for (let rater = 0; rater < raters; rater++) {
    let at = random.next()
    let vote = 0
    while (vote < share.length - 1 && at >= (share[vote] ?? 0)) at -= share[vote++] ?? 0
    votes[vote] = (votes[vote] ?? 0) + 1
  }
  return votes.map((count) => count / raters)
}
