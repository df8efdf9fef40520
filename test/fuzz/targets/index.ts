import type { Target } from "../Target.ts"
import * as Answers from "./answers.ts"
import * as ChatTemplate from "./chatTemplate.ts"
import * as CocoIds from "./cocoIds.ts"
import * as CocoInstances from "./cocoInstances.ts"
import * as CsvManifest from "./csvManifest.ts"
import * as Emotion6Folder from "./emotion6Folder.ts"
import * as Image from "./image.ts"
import * as Json from "./json.ts"
import * as JsonLines from "./jsonLines.ts"
import * as Layouts from "./layouts.ts"
import * as Model from "./model.ts"
import * as OpenAi from "./openai.ts"
import * as Parquet from "./parquet.ts"
import * as ReasonSeg from "./reasonSeg.ts"
import * as RunFiles from "./runFiles.ts"
import * as Safetensors from "./safetensors.ts"
import * as Segmentation from "./segmentation.ts"
import * as Settings from "./settings.ts"

export const targets: ReadonlyArray<Target> = [
  ...Answers.targets,
  ChatTemplate.target,
  CocoIds.target,
  CocoInstances.target,
  CsvManifest.target,
  Emotion6Folder.target,
  Image.target,
  Json.target,
  JsonLines.target,
  ...Layouts.targets,
  ...Model.targets,
  OpenAi.target,
  Parquet.target,
  ReasonSeg.target,
  ...RunFiles.targets,
  Safetensors.target,
  Segmentation.target,
  Settings.target
]
