/**
 * The paper on LISA-style data: a question about a picture, and the one box that answers it.
 *
 *   node examples/lisa.ts [--data DIR] [--model DIR] [--out DIR] [--preset quick|full|photos|paper|smoke] [--shots N]
 * [--seed N] [--resume]
 *
 * With --data it reads ReasonSeg's folder (train/ and val/); --shots counts samples in all. Without, it uses the
 * embedded scenes, which are synthetic: "Where is the thing of use in rainy weather?"
 */
import { Sources } from "rise-vlm"
import * as Cli from "rise-vlm/cli"

Cli.comparison("lisa", "Base, SFT, Visual-RFT and RISE on questions that take reasoning", Sources.lisa)
