/**
 * ImageNet-Sub: which of 20 things a picture shows.
 *
 * Departs from the paper: an answer is the name of one class rather than a distribution over all of them. The truth is
 * one-hot, and on one-hot answers eq. 2–5 are 1 for the right class and 1e-10 for any other; an answer of names and
 * percents is read and scored all the same.
 *
 * @module
 */
import { Scenes, Subset } from "../../data/index.ts"
import * as Classification from "./Classification.ts"

/** The task for classes of one's own. */
export const make = (labels: ReadonlyArray<string>): Classification.Classification =>
  Classification.make({ name: "imagenet-sub", labels, subject: "main object", answer: "single" })

/** The paper's 20 classes. */
export const task: Classification.Classification = make(Subset.imagenetLabels)

/**
 * For the embedded checkpoint: in the few words it has, close to the prompts of its pretraining, without the list of
 * names. Names that it has no words for it spells letter by letter.
 */
export const forEmbedded = (labels: ReadonlyArray<string>): Classification.Classification =>
  Classification.forEmbedded({ name: "imagenet-sub", labels, answer: "single" })

/** 20 objects of the embedded scenes. */
export const embedded: Classification.Classification = forEmbedded(Scenes.Objects.labels)
