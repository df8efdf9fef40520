/**
 * Emotion6 (Peng et al. 2015): which feelings a picture evokes, as the distribution of its viewers' votes.
 *
 * Also the task of the embedded scenes and of any manifest with these seven columns.
 *
 * @module
 */
import * as Classification from "./Classification.ts"

/** Ekman's six and neutral. */
export const labels = ["anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral"] as const

/** The task: seven labels, answers such as "joy 60 surprise 40". */
export const task = Classification.make({ name: "emotion6", labels, subject: "feelings" })
