/**
 * The paper on ImageNet-Sub: which of 20 things does a picture show?
 *
 *   node examples/imagenet-sub.ts [--data DIR] [--model DIR] [--out DIR] [--preset quick|full|photos|paper|smoke]
 * [--shots N] [--seed N] [--resume]
 *
 * With --data it reads ImageNet's folder (train/ and val/ with a folder per class) and draws the paper's subset.
 * Without, it uses the embedded scenes, which are synthetic: 20 objects in four art styles.
 */
import { Sources } from "rise-vlm"
import * as Cli from "rise-vlm/cli"

Cli.comparison("imagenet-sub", "Base, SFT, Visual-RFT and RISE on 20 classes", Sources.imagenetSub)
