/**
 * Examples that tie names to places in pictures of several things: where a name has to tell which.
 *
 * They are asked in the prompts of reasoning detection too, with questions that name the thing ("Where is the cup?"):
 * of riddles, whose answer has to be thought of, pretraining says nothing.
 */
import { capitalised, listing, withArticle } from "../../src/data/scenes/Language.ts"
import { type Placement, type Scene, type Standing, standing } from "../../src/data/scenes/Scene.ts"
import { groupOf, settings, side } from "../../src/data/scenes/World.ts"
import { placeholder } from "../../src/dsl/Question.ts"
import * as ThinkAnswer from "../../src/dsl/ThinkAnswer.ts"
import type { Stream } from "../../src/kernels/math/Keyed.ts"
import type { TargetSegment } from "../../src/policy/Policy.ts"
import { Lisa } from "../../src/tasks/detection/index.ts"
import * as Cells from "./Cells.ts"

export const forms = ["cells", "locate", "places", "reasonPlace", "reconstructPlace", "annotatePlace"] as const
export type Form = typeof forms[number]

/** Loss weight of a box's tokens: four numbers that must all be right, among sentences that forgive a synonym. */
export const boxWeight = 2

/** Loss weight of a cell's number: one token against a box's nine. */
const cellWeight = 4

/** `[x, y, width, height]` in thousandths of the picture, rounded to tens. */
export const boxText = ({ size, x, y }: Placement): string => {
  const thousandths = (pixels: number) => Math.round((pixels / side) * 100) * 10
  return `[${thousandths(x)}, ${thousandths(y)}, ${thousandths(size)}, ${thousandths(size)}]`
}

interface Thing {
  readonly name: string
  readonly box: string
  readonly cell: number
}

const thing = ({ name, placement }: Standing): Thing => ({
  name,
  box: boxText(placement),
  cell: Cells.numberOf(placement)
})

/** The cell of everything in a scene. */
export const cellsOf = (scene: Scene): ReadonlyArray<Pick<Thing, "cell" | "name">> => standing(scene, "face").map(thing)

/** The prompts of reasoning detection, asked something. */
export const asked = (prompt: string, question: string): string => prompt.replace(placeholder, question)

export const whereIs = (name: string): string => `Where is the ${name}?`

/** An explanation that begins with what is asked for. */
export const pointed = (random: Stream, { background, face, objects }: Scene, name: string): string => {
  const all = [
    { name: "face", said: `${face} face` },
    ...objects.map((object) => ({ name: object as string, said: `${groupOf(object)} ${object}` }))
  ]
  const others = random.shuffle(all.filter((thing) => thing.name !== name)).map(({ said }) => withArticle(said))
  return `The thing is the ${all.find((thing) => thing.name === name)?.said} near ${listing(others)} ${
    settings[background]
  }.`
}

/** Text and target of one example about the places of a scene. */
export const example = (
  form: Form,
  random: Stream,
  scene: Scene
): { readonly text: string; readonly target: ReadonlyArray<TargetSegment>; readonly named?: string } => {
  const [face, ...objects] = standing(scene, "face")
  const { box, name } = thing(random.next() < 0.15 ? face : random.pick(objects))
  const shuffled = () => random.shuffle([face, ...objects]).map(thing)
  const boxed = { text: box, weight: boxWeight }
  const { prompts } = Lisa.embedded
  switch (form) {
    case "cells":
      // The number follows its name at once: what a name is like and where that is seen meet in one token, which is
      // what has to be learned first.
      return {
        text: "What is the place of the things?",
        target: shuffled().flatMap(({ cell, name }, i) => [
          { text: `${i === 0 ? "The" : ", the"} ${name}`, weight: 0.5 },
          { text: ` ${cell}`, weight: cellWeight }
        ])
      }
    case "locate":
      return { text: whereIs(name), target: [boxed] }
    case "places":
      return {
        text: "Where are the things?",
        target: shuffled().flatMap((thing, i) => [
          { text: i === 0 ? `${capitalised("the")} ${thing.name} ` : `, the ${thing.name} `, weight: 1 },
          { text: thing.box, weight: boxWeight }
        ])
      }
    case "reasonPlace":
      return {
        text: asked(prompts.reason(box), random.next() < 0.5 ? whereIs(name) : whereIs("thing")),
        target: [{ text: pointed(random, scene, name), weight: 1 }],
        named: name
      }
    case "reconstructPlace":
      return {
        text: asked(
          prompts.reconstruct(pointed(random, scene, name)),
          random.next() < 0.5 ? whereIs(name) : whereIs("thing")
        ),
        target: [boxed]
      }
    case "annotatePlace":
      return {
        text: asked(prompts.annotate, random.next() < 0.5 ? whereIs(name) : whereIs("thing")),
        target: ThinkAnswer.segments(pointed(random, scene, name), boxed)
      }
  }
}
