/**
 * The paper on COCO-Sub: everything in a picture with its name and its box.
 *
 *   node examples/coco-sub.ts [--data DIR] [--model DIR] [--out DIR] [--preset quick|full|photos|paper|smoke] [--shots
 * N] [--seed N] [--resume]
 *
 * With --data it reads COCO's folder, or one with instances.json and pictures beside it, and draws the paper's subset.
 * Without it uses the embedded scenes, which are synthetic.
 */
import { Sources } from "rise-vlm"
import * as Cli from "rise-vlm/cli"

Cli.comparison("coco-sub", "Base, SFT, Visual-RFT and RISE on everything in a picture", Sources.cocoSub)
