/**
 * The checkpoints that ship with the package, by names that hold wherever it lies.
 */
import { basename } from "node:path"
import { fileURLToPath } from "node:url"

const assets = (name: string): string => fileURLToPath(new URL(`../../assets/${name}`, import.meta.url))

/** Knows what is in a scene: what is asked where no task says otherwise. */
export const sceneVl = assets("scene-vl")

/** The same, trained on to tie names to places. */
export const sceneVlPlaces = assets("scene-vl-places")

const named: ReadonlyMap<string, string> = new Map([["embedded", sceneVl], ["embedded-places", sceneVlPlaces]])

/** The directory of `"embedded"` and `"embedded-places"`; any other name is a directory itself (`./embedded` for one of that name). */
export const directoryOf = (model: string): string => named.get(model) ?? model

/** Whether a directory is a checkpoint that ships with the package. */
export const isEmbedded = (model: string): boolean => model === sceneVl || model === sceneVlPlaces

/** What run.json calls a model directory. */
export const nameOf = (model: string): string => isEmbedded(model) ? `embedded ${basename(model)}` : model
