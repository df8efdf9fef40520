/**
 * The closed loop made visible: of samples of the training half the chains that were drawn, what was rebuilt from each,
 * and what it was paid.
 */
import { Effect, Option, Path, Stream } from "effect"
import { ChainsRow } from "../../dsl/Rise.ts"
import { chainsFile } from "../../dsl/Run.ts"
import { sampleKey } from "../../dsl/sampleKeys.ts"
import * as BaseTexts from "../../dsl/stages/BaseTexts.ts"
import { lines } from "../artefacts.ts"
import type { Drawing } from "../Drawing.ts"
import { PictureRow, picturesFile, shownLoops } from "../gallery.ts"
import { drawnAs } from "./Samples.ts"
import * as Side from "./Side.ts"

/** Samples in a file. */
const perFile = 20

/** Verdicts by name, over all chains. */
export type Verdicts = ReadonlyMap<string, number>

/** How the chains of a run were judged: all of them, not only those that are shown. */
export const verdicts = (directory: string) =>
  Effect.flatMap(Path.Path, (path) =>
    Stream.runFold(
      lines(path.join(directory, chainsFile("RISE")), ChainsRow),
      () => new Map<string, number>(),
      (counts, { chains }) => {
        for (const { verdict } of chains) counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
        return counts
      }
    ))

/**
 * Writes the files of loops; returns their names and what the page's index has of them. Those that have a picture, or
 * the first where none has.
 */
export const write = Effect.fnUntraced(function*(directory: string, drawing: Drawing) {
  const path = yield* Path.Path
  const at = (name: string) => path.join(directory, name)
  const pictures = yield* Stream.runFold(
    Stream.filter(lines(at(picturesFile), PictureRow), ({ half }) => half === "train"),
    () => new Map<string, PictureRow>(),
    (found, row) => found.set(sampleKey(row), row)
  )
  const rows = yield* lines(at(chainsFile("RISE")), ChainsRow).pipe(
    Stream.filter((row) => pictures.size === 0 || pictures.has(sampleKey(row))),
    Stream.take(shownLoops),
    Stream.runCollect
  )
  const shownKeys = new Set(rows.map(sampleKey))
  const base = yield* Stream.runFold(
    Stream.filter(lines(at(BaseTexts.file), BaseTexts.Written), (row) => shownKeys.has(sampleKey(row))),
    () => new Map<string, string>(),
    (found, row) => found.set(sampleKey(row), row.reasoning)
  )
  const shown = rows.map((row) => {
    const { chains, image, question, truth } = row
    const picture = pictures.get(sampleKey(row))
    const before = base.get(sampleKey(row))
    return {
      image,
      ...(question !== undefined && { question }),
      truth,
      ...drawnAs(drawing.of(truth, picture)),
      ...(picture !== undefined && { png: picture.png, width: picture.width, height: picture.height }),
      ...(before !== undefined && before !== "" && { base: before }),
      chains: chains.map((chain) => ({ ...chain, ...drawnAs(drawing.of(chain.reconstruction, picture)) }))
    }
  })
  const names: Array<string> = []
  for (let from = 0; from < shown.length; from += perFile) {
    const name = `loops-${from / perFile}`
    yield* Side.write(directory, name, shown.slice(from, from + perFile))
    names.push(name)
  }
  const index = {
    perFile,
    image: shown.map(({ image }) => image),
    rewards: shown.map(({ chains }) => chains.map(({ reward }) => Number(reward.toPrecision(4)))),
    verdicts: shown.map(({ chains }) => chains.map(({ verdict }) => verdict))
  }
  const pictured = shown.every((row) => "png" in row)
  return { names, pictured, index: Option.liftPredicate(index, ({ image }) => image.length > 0) }
})
