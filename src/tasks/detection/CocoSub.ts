/**
 * Detection of everything with a name, as in the paper's COCO-Sub: any number of boxes of any class.
 *
 * Eq. 6 is divided by max(N_g, N_p) here: over N_g alone, further boxes are free and a policy sprays them.
 *
 * @module
 */
import { Scenes } from "../../data/index.ts"
import type { Space } from "./Box.ts"
import * as Codec from "./Codec.ts"
import { type Detection, forEmbedded as makeForEmbedded, make as makeDetection } from "./Detection.ts"
import type { Denominator } from "./Similarity.ts"

/** COCO's 80 classes, in the order of its categories. */
export const labels: ReadonlyArray<string> = [
  "person",
  "bicycle",
  "car",
  "motorcycle",
  "airplane",
  "bus",
  "train",
  "truck",
  "boat",
  "traffic light",
  "fire hydrant",
  "stop sign",
  "parking meter",
  "bench",
  "bird",
  "cat",
  "dog",
  "horse",
  "sheep",
  "cow",
  "elephant",
  "bear",
  "zebra",
  "giraffe",
  "backpack",
  "umbrella",
  "handbag",
  "tie",
  "suitcase",
  "frisbee",
  "skis",
  "snowboard",
  "sports ball",
  "kite",
  "baseball bat",
  "baseball glove",
  "skateboard",
  "surfboard",
  "tennis racket",
  "bottle",
  "wine glass",
  "cup",
  "fork",
  "knife",
  "spoon",
  "bowl",
  "banana",
  "apple",
  "sandwich",
  "orange",
  "broccoli",
  "carrot",
  "hot dog",
  "pizza",
  "donut",
  "cake",
  "chair",
  "couch",
  "potted plant",
  "bed",
  "dining table",
  "toilet",
  "tv",
  "laptop",
  "mouse",
  "remote",
  "keyboard",
  "cell phone",
  "microwave",
  "oven",
  "toaster",
  "sink",
  "refrigerator",
  "book",
  "clock",
  "vase",
  "scissors",
  "teddy bear",
  "hair drier",
  "toothbrush"
]

/**
 * The task for a model that writes boxes its own way; the codec's labels are the classes.
 *
 * ```ts
 * CocoSub.make(BoxCodec.qwen2Vl({ space: "thousandths", labels: CocoSub.labels }))
 * ```
 */
export const make = <S extends Space>(codec: Codec.Codec<S>, denominator: Denominator = "max"): Detection<S> =>
  makeDetection({ name: "coco-sub", subject: "every thing with one of these names", codec, denominator })

/**
 * Boxes as in the paper with their names before them: `cup [250, 300, 200, 100], dog [10, 20, 400, 500]`, in
 * thousandths.
 */
export const forLabels = (labels: ReadonlyArray<string>, denominator?: Denominator): Detection<"thousandths"> =>
  make(Codec.scenes({ labels }), denominator)

/** The same for COCO's 80 classes. */
export const task: Detection<"thousandths"> = forLabels(labels)

/**
 * For the embedded checkpoint: in the few words it has, close to the prompts of its pretraining, without the list of
 * names, and boxes on the grid that it writes. Names that it has no words for it spells letter by letter.
 */
export const forEmbedded = (names: ReadonlyArray<string>, denominator: Denominator = "max"): Detection<"thousandths"> =>
  makeForEmbedded({ name: "coco-sub", labels: names, denominator })

/** The embedded scenes. */
export const embedded: Detection<"thousandths"> = forEmbedded(Scenes.Things.labels)
