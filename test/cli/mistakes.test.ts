/** What users get wrong: exit code, stream and message of each, and what to do next. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { here } from "./here.ts"
import { type Ended, node, rise, root } from "./processes.ts"

/** What a mistake ends in. */
interface Row {
  /** A command of `rise`, or a program with its arguments where the first ends in `.ts`. */
  readonly line: ReadonlyArray<string>
  /** 2: the command line itself cannot be read; 1: what it asks for cannot be done. */
  readonly code: 1 | 2
  /** Whether the real entry is started. */
  readonly process?: true
  /** What standard error says. */
  readonly says: RegExp
  /** The next step that it names. */
  readonly next: RegExp
}

const remote = ["--remote", "http://127.0.0.1:1/v1"]
const engine = ["--engine", "tinker=http://127.0.0.1:1"]
const atEngine = [...engine, "--model", "vl", "--tokenizer", join(root, "assets/scene-vl")]

const usage: ReadonlyArray<Row> = [
  { line: [], code: 2, process: true, says: /^DESCRIPTION/, next: /rise train|annotate/ },
  {
    line: ["trian"],
    code: 2,
    says: /there is no command "trian"/,
    next: /did you mean train\?\nSee "rise --help"/
  },
  {
    // What stands behind it belongs to no command: nothing more is said of that.
    line: ["trian", "--data", "x", "--bogus"],
    code: 2,
    says: /^error: there is no command "trian": did you mean train\?\nSee "rise --help"\.\n$/,
    next: /See/
  },
  { line: ["train", "--resum"], code: 2, says: /there is no flag --resum/, next: /did you mean --resume\?/ },
  { line: ["train", "--bogus"], code: 2, says: /there is no flag --bogus/, next: /See "rise train --help"/ },
  {
    line: ["train", "--tau", "75"],
    code: 2,
    says: /--tau is a share from 0 to 1, got 75\n/,
    next: /--help/
  },
  { line: ["train", "--tau"], code: 2, says: /--tau wants a value\n/, next: /See "rise train --help"/ },
  { line: ["train", "-s", "0x10"], code: 2, says: /--seed is a whole number from 0 on, got 0x10/, next: /--help/ },
  { line: ["annotate", "a.png", "-s", "-1"], code: 2, says: /--seed is .* from 0 on, got -1/, next: /annotate --help/ },
  { line: ["train", "--shots", "1.5"], code: 2, says: /--shots is a whole number from 1 on, got 1\.5/, next: /--help/ },
  { line: ["train", "--shots", "NaN"], code: 2, says: /--shots is a whole number from 1 on, got NaN/, next: /--help/ },
  {
    line: ["train", "--lora", "0"],
    code: 2,
    says: /--lora is a whole number from 1 to 4096, got 0/,
    next: /0 is for --engine/
  },
  { line: ["train", "-w", "1000"], code: 2, says: /--workers is a whole number from 1 to \d+ \(4 for/, next: /--help/ },
  { line: ["train", "--micro-tokens", "1e9"], code: 2, says: /from 1 to 16777216, got 1e9/, next: /--help/ },
  {
    line: ["train", "--memory-limit", "-1"],
    code: 2,
    says: /--memory-limit is a number above 0, got -1/,
    next: /--help/
  },
  { line: ["train", "--preset", "qick"], code: 2, says: /got "qick"/, next: /did you mean quick\?/ },
  { line: ["train", "--device", "gpu"], code: 2, says: /--device is cpu, webgpu or cuda, got "gpu"/, next: /cpu/ },
  { line: ["train", "--resume=maybe"], code: 2, says: /--resume takes no value/, next: /leave it out/ },
  {
    line: ["train", "--seed", "1", "--seed", "2"],
    code: 2,
    says: /--seed is given more than once/,
    next: /leave all but one/
  },
  { line: ["train", "sun", "rain"], code: 2, says: /nothing is done with "sun", "rain"/, next: /leave it out, or/ },
  { line: ["train", "--labels", "a,a"], code: 2, says: /--labels is labels separated by commas, each/, next: /--help/ },
  { line: ["plan", "--labels", "a,,b"], code: 2, says: /each of them once .*, got a,,b/, next: /--help/ },
  { line: ["train", "--labels", "a,b"], code: 2, says: /--labels needs --data/, next: /--data/ },
  {
    line: ["train", "--budget", "5x"],
    code: 2,
    says: /--budget is a time such as 90s, 10m or 1h30m, got 5x/,
    next: /See "rise train --help"/
  },
  {
    line: ["train", "--budget", "-1m"],
    code: 2,
    says: /^error: --budget is a time such as 90s, 10m or 1h30m, got -1m$/m,
    next: /See "rise train --help"/
  },
  { line: ["plan", "--budget", "30m1h"], code: 2, says: /--budget is a time such as/, next: /See "rise plan --help"/ },
  { line: ["plan", "--budget", "0m"], code: 2, says: /--budget is a time such as/, next: /See "rise plan --help"/ },
  { line: ["train", "--config="], code: 2, says: /--config wants a value: a file of settings/, next: /--help/ },
  { line: ["plan", "--print-config"], code: 2, says: /there is no flag --print-config/, next: /--help/ },
  {
    line: ["train", "--config", fileURLToPath(new URL("weighted.json", import.meta.url)), "--print-config"],
    code: 1,
    says: /RISE\/filter: tau is 0.6, expected nothing beside soft/,
    next: /leave one of them out/
  },
  {
    line: ["train", "--preset", "paper", "--config", join(root, "test/cli/partial.json"), "--print-config"],
    code: 1,
    says: /partial\.json: sft\.practice is \{"weight":2\}, and nothing was chosen that has the rest of it/,
    next: /it also needs texts \(a whole number from 1 to 65536\), maxTokens \(/
  },
  { line: ["train", "--quantize", "int4"], code: 2, says: /--quantize rounds weights that/, next: /--lora 16/ },
  {
    line: ["train", "--preset", "paper", "--steps-warm-up", "3", "--print-config"],
    code: 2,
    says: /--steps-warm-up: is for a warm-up, and the settings "paper" have none/,
    next: /leave it out, or write a warmUp into --config/
  },
  {
    line: ["evaluate", "--remote", "localhost", "--remote-model", "vl"],
    code: 2,
    says: /--remote: baseUrl is "localhost"/,
    next: /such as http/
  },
  {
    line: ["evaluate", "--remote", "http://127.0.0.1:1/v1?api-key=topsecret", "--remote-model", "vl"],
    code: 2,
    says: /^(?!.*topsecret)[^]*baseUrl holds a query/,
    next: /a key into apiKey/
  },
  { line: ["train", "--out="], code: 2, says: /--out wants a value: a folder/, next: /--help/ },
  {
    line: ["serve", "--port", "99999"],
    code: 2,
    says: /--port is a whole number from 0 to 65535/,
    next: /serve --help/
  },
  { line: ["serve", "--timeout", "soon"], code: 2, says: /--timeout is a time such as 90s/, next: /serve --help/ },
  {
    line: ["serve", "--batch", "65"],
    code: 2,
    says: /--batch is 65, expected at most --queue \(64\)/,
    next: /--queue/
  },
  { line: ["serve", "--question", "What?"], code: 2, says: /there is no flag --question/, next: /serve --help/ },
  {
    line: ["annotate", "--form", "thnk", "a.png"],
    code: 2,
    says: /--form is think or answer/,
    next: /did you mean think/
  },
  { line: ["annotate", "--extra", "{}", "a.png"], code: 2, says: /--extra is for a server/, next: /--remote URL/ },
  { line: ["evaluate", "--remote-model", "vl"], code: 2, says: /--remote-model is for a server/, next: /--remote URL/ },
  { line: ["evaluate", ...remote], code: 2, says: /--remote asks a server/, next: /--remote-model NAME/ },
  {
    line: ["annotate", ...remote, "--remote-model", "vl", "-m", "x", "a.png"],
    code: 2,
    says: /--model is for a model directory/,
    next: /leave one of them out/
  },
  ...["[1]", "7", "top_k=1"].map((extra) => ({
    line: ["evaluate", ...remote, "--remote-model", "vl", "--extra", extra],
    code: 2 as const,
    says: /--extra is a JSON object such as/,
    next: /--help/
  })),
  {
    line: ["train", "--engine", "skyrl=http://127.0.0.1:1"],
    code: 2,
    says: /--engine is tinker=URL, such as tinker=http.*, got skyrl=http:\/\/127\.0\.0\.1:1\n/,
    next: /--sampler vllm=URL/
  },
  { line: ["plan", "--engine", "tinker="], code: 2, says: /--engine is tinker=URL/, next: /such as tinker=http/ },
  {
    line: ["train", "--engine", "http://user:topsecret@host"],
    code: 2,
    says: /^(?!.*topsecret)[^]*--engine is tinker=URL/,
    next: /such as tinker=http/
  },
  { line: ["train", ...engine], code: 2, says: /--engine holds the model/, next: /--model NAME/ },
  {
    line: ["plan", ...engine, "--model", "vl"],
    code: 2,
    says: /is sent token ids/,
    next: /--tokenizer DIR \(no weights/
  },
  {
    line: ["train", ...atEngine, "--engine", "tinker=localhost"].toSpliced(1, 2),
    code: 2,
    says: /--engine: the address is "localhost", expected an address/,
    next: /such as http:\/\/localhost:8000/
  },
  {
    line: ["train", ...atEngine, "--engine", "tinker=http://a:1,http://b:1"].toSpliced(1, 2),
    code: 2,
    says: /--engine is one address/,
    next: /several draw: --sampler vllm=/
  },
  ...(["--quantize int4", "--workers 2", "--device webgpu", "--recompute", "--memory-limit 1"] as const).map((
    flag
  ) => ({
    line: ["train", ...atEngine, ...flag.split(" ")],
    code: 2 as const,
    says: new RegExp(`${flag.split(" ")[0]} is for a model on this machine, and --engine computes elsewhere`),
    next: /leave one of them out/
  })),
  {
    line: ["train", ...atEngine, "--trainable", "all"],
    code: 2,
    says: /--trainable chooses among/,
    next: /--lora RANK/
  },
  {
    line: ["plan", ...atEngine, "--budget", "5m"],
    code: 2,
    says: /--budget measures this machine/,
    next: /--steps-sft/
  },
  {
    line: ["train", ...atEngine, "--sampler", "vllm=http://127.0.0.1:1/v1"],
    code: 2,
    says: /--sampler servers are told of new weights by files/,
    next: /--adapters DIR/
  },
  {
    line: ["train", ...atEngine, "--staleness", "2"],
    code: 2,
    says: /--staleness is for servers/,
    next: /--sampler vllm=/
  },
  {
    line: ["train", ...atEngine, "--sampler", "vllm=nowhere", "--adapters", "x"],
    code: 2,
    says: /--sampler: baseUrl is "nowhere"/,
    next: /such as http/
  },
  {
    line: ["train", "--sampler", "vllm=http://127.0.0.1:1/v1"],
    code: 2,
    says: /--sampler draws for an engine that trains/,
    next: /--engine tinker=URL too/
  },
  { line: ["plan", "--tokenizer", "x"], code: 2, says: /--tokenizer is for an engine/, next: /--engine tinker=URL/ },
  { line: ["doctor", "--tokenizer", "x"], code: 2, says: /--tokenizer is for an engine/, next: /--engine tinker=URL/ },
  {
    line: ["train", "--reference", "vllm=http://127.0.0.1:1/v1"],
    code: 2,
    says: /--reference is for an engine/,
    next: /--engine tinker=URL/
  },
  {
    line: ["train", ...atEngine, "--reference", "vllm=nowhere"],
    code: 2,
    says: /--reference: baseUrl is "nowhere"/,
    next: /such as http/
  },
  {
    line: ["evaluate", "--engine", "tinker=http://a"],
    code: 2,
    says: /--engine holds the model/,
    next: /--model NAME/
  },
  {
    line: ["annotate", ...engine, "--model", "vl", "a.png"],
    code: 2,
    says: /is sent token ids/,
    next: /--tokenizer DIR \(no weights/
  },
  { line: ["audit", ...engine], code: 2, says: /there is no flag --engine/, next: /audit --help/ },
  ...(["--sampler vllm=http://a/v1", "--remote http://a/v1", "--remote-model vl", "--extra {}"] as const).map((
    flag
  ) => ({
    line: ["evaluate", ...atEngine, ...flag.split(" ")],
    code: 2 as const,
    says: new RegExp(`${flag.split(" ")[0]} is for servers of the OpenAI protocol, and --engine names another`),
    next: /leave one of them out/
  })),
  {
    line: ["annotate", ...atEngine, "--cache", "x", "a.png"],
    code: 2,
    says: /--cache is for a model on this machine/,
    next: /leave one of them out/
  },
  {
    line: ["annotate", "--tokenizer", "x", "a.png"],
    code: 2,
    says: /--tokenizer is for an engine/,
    next: /--engine tinker=URL/
  },
  {
    line: ["annotate", ...remote, "--remote-model", "vl", "--tokenizer", "x", "a.png"],
    code: 2,
    says: /--tokenizer is for a model directory, --remote asks a server/,
    next: /leave one of them out/
  },
  {
    line: ["annotate", ...atEngine, "--adapter", join(root, "assets/scene-vl"), join(root, "docs/report.png")],
    code: 1,
    says: /names no state at an engine \(engine\.json\)/,
    next: /its model\/, or a stage in its checkpoints\//
  },
  {
    line: ["merge", "--adapter", join(root, "assets/scene-vl"), "--out", "x"],
    code: 2,
    says: /is no PEFT adapter: it has no adapter_config\.json/,
    next: /adapter_config\.json/
  },
  {
    line: ["annotate", "--sampler", "http://127.0.0.1:1/v1", "a.png"],
    code: 2,
    says: /--sampler is vllm=URL, or several with commas/,
    next: /vllm=http:\/\/gpu-1:8000\/v1,http/
  },
  {
    line: ["annotate", "--sampler", "vllm=http://127.0.0.1:1/v1", "a.png"],
    code: 2,
    says: /--sampler asks servers: name the model/,
    next: /--model NAME/
  },
  {
    line: ["evaluate", ...remote, "--sampler", "vllm=http://127.0.0.1:1/v1", "--model", "vl"],
    code: 2,
    says: /--remote and --sampler both name servers/,
    next: /leave one of them out/
  },
  {
    line: ["audit", "--sampler", "vllm=http://127.0.0.1:1/v1", "--model", "vl", "--lora", "8"],
    code: 2,
    says: /--lora is for a model directory, --sampler asks a server/,
    next: /leave one of them out/
  },
  { line: ["audit", "--corrupt", "2"], code: 2, says: /--corrupt is a share from 0 to 1, got 2/, next: /--help/ },
  {
    line: ["tables", "--seeds", "a,b"],
    code: 2,
    says: /--seeds is a list of whole numbers[^\n]* such as 0,1,2/,
    next: /--help/
  },
  { line: ["tables", "--table", "99"], code: 2, says: /--table is a list of some of 1, 2/, next: /--help/ },
  {
    line: ["examples/emotion6.ts", "--preset", "huge"],
    code: 2,
    says: /--preset is smoke, quick, full, photos or paper, got "huge"/,
    next: /See "emotion6 --help"/
  },
  { line: ["scripts/build.ts", "--bogus"], code: 2, says: /no flag --bogus/, next: /See "build --help"/ }
]

/** Mistakes in what is named rather than in how, in a folder with some of everything. */
const inFolder = (directory: string): ReadonlyArray<Row> => {
  const model = ["--model", join(directory, "model")]
  const out = ["--out", join(directory, "run")]
  return [
    {
      line: ["train", "-d", join(directory, "nowhere"), ...out],
      code: 1,
      says: /no such file or folder/,
      next: /sun\/1\.png/
    },
    {
      line: ["examples/emotion6.ts", "--data", join(directory, "nowhere")],
      code: 1,
      says: /nowhere: no such folder/,
      next: /expected/
    },
    {
      line: ["train", "-d", join(directory, "model")],
      code: 1,
      says: /no layout that is read: it holds "README\.md"/,
      next: /expected/
    },
    {
      line: ["train", "-d", join(directory, "votes"), "--task", "detection"],
      code: 1,
      says: /it has labels and no boxes \(table in halves\), which --task detection needs/,
      next: /needs: leave that out/
    },
    {
      // Before a picture is looked at: there are none.
      line: ["train", "-d", join(directory, "nowhere"), "--config", join(directory, "slip.json"), ...out],
      code: 1,
      says: /slip\.json: not JSON: line 3, column 5/,
      next: /expected a comma or }, found a quotation mark/
    },
    {
      line: ["plan", "-d", join(directory, "nowhere"), "--config", join(directory, "slip.jsn")],
      code: 1,
      says: /slip\.jsn: no such file/,
      next: /did you mean \S+slip\.json\?/
    },
    // Before a picture is read: there are none.
    ...["train", "evaluate", "audit"].map((command): Row => ({
      line: [command, "-d", join(directory, "nowhere"), "--out", "/proc/nope"],
      code: 1,
      says: /^error: \/proc\/nope: making the run folder failed: (nothing can be made there|permission denied)/,
      next: /\/proc/
    })),
    {
      line: ["examples/emotion6.ts", "--data", join(directory, "nowhere"), "--out", join(directory, "train.csv/run")],
      code: 1,
      says: /train\.csv\/run: making the run folder failed: a part of the path is a file/,
      next: /expected a folder/
    },
    {
      line: ["train", "-m", "embeded", ...out],
      code: 1,
      says: /^(rise .*\n)?error: embeded: no such/,
      next: /mean embedded\?/
    },
    {
      line: ["evaluate", "-m", join(directory, "begun/modle"), ...out],
      code: 1,
      says: /modle: no such file or directory/,
      next: /Did you mean \S+begun\/model\?/
    },
    {
      line: ["export", "-m", join(directory, "begn/model"), "--onnx", join(directory, "onnx")],
      code: 1,
      says: /begn\/model: no such file or directory/,
      next: /Did you mean \S+begun\/model\?/
    },
    {
      line: ["evaluate", "--adapter", join(directory, "begun/modle"), ...out],
      code: 2,
      says: /^error: --adapter \S+modle is not there/,
      next: /did you mean \S+begun\/model\?/
    },
    {
      line: ["train", "-d", join(directory, "vots"), ...out],
      code: 1,
      says: /vots: no such file or folder/,
      next: /did you mean \S+votes\?/
    },
    {
      line: ["report", join(directory, "begn")],
      code: 1,
      says: /begn: no such folder/,
      next: /did you mean \S+begun\?/
    },
    {
      line: ["annotate", "-m", join(directory, "model"), join(directory, "train.cvs")],
      code: 1,
      says: /train\.cvs: no such file or folder/,
      next: /did you mean \S+train\.csv\?/
    },
    {
      line: ["annotate", "-m", join(directory, "begun"), "x.png"],
      code: 1,
      says: /begun: is the folder of a run/,
      next: /Its model is in it: --model \S+begun\/model/
    },
    {
      line: ["evaluate", "--base", join(directory, "begun"), ...out],
      code: 1,
      says: /begun: is the folder of a run/,
      next: /Its model is in it: --base \S+begun\/model/
    },
    {
      line: ["evaluate", ...engine, "-m", "vl", "--tokenizer", join(directory, "begun"), ...out],
      code: 1,
      says: /begun: is the folder of a run/,
      next: /Its model is in it: --tokenizer \S+begun\/model/
    },
    {
      line: ["train", "--subject", "weather"],
      code: 2,
      says: /--subject is for pictures of one's own/,
      next: /--data/
    },
    {
      line: ["examples/emotion6.ts", "--data", directory, ...model, ...out],
      code: 1,
      says: /header does not fit the task/,
      next: /missing "anger"/
    },
    {
      line: ["evaluate", "--labels", "a,b", "--data", join(directory, "votes"), ...model, ...out],
      code: 1,
      says: /train\.csv: none of its 2 rows is usable: missing-file 2\. First, row 2: missing-file/,
      next: /no file .*votes\/a\.png/
    },
    { line: ["serve", "-m", directory], code: 1, says: /config\.json: no such file/, next: /hf download/ },
    { line: ["train", "-m", directory, ...out], code: 1, says: /config\.json: no such file/, next: /hf download/ },
    {
      line: ["train", ...engine, "-m", "vl", "--tokenizer", join(directory, "nowhere"), ...out],
      code: 1,
      says: /--tokenizer .*nowhere.*no such file/,
      next: /hf download/
    },
    {
      line: ["plan", ...engine, "-m", "vl", "--tokenizer", directory],
      code: 1,
      says: /--tokenizer .*config\.json: no such file/,
      next: /hf download/
    },
    { line: ["train", ...model, "-o", directory], code: 1, says: /already exists and holds no run/, next: /exists/ },
    {
      line: ["examples/lisa.ts", "--data", directory],
      code: 1,
      says: /none of train in it/,
      next: /train\/ and val\//
    },
    {
      line: ["tables", "--sampler", "vllm=http://127.0.0.1:1/v1", "--dry"],
      code: 2,
      says: /there is no flag --sampler/,
      next: /tables --help/
    },
    // Its scenes have no difficulty.
    {
      line: ["examples/lisa.ts", "--difficulty", "0.5"],
      code: 2,
      says: /there is no flag --difficulty/,
      next: /lisa --help/
    },
    { line: ["train", "--device", "cuda"], code: 1, says: /device cuda is not available/, next: /Available: cpu/ },
    {
      line: ["report", directory],
      code: 1,
      says: /no results\.json/,
      next: /no run folder: name the one/
    },
    {
      line: [
        ...["tables", "--preset", "smoke", "--table", "4", "--seeds", "0", "--memory-limit", "0.001"],
        ...["--only", "emotion6/full/seed-0/SFT-full", "--out", join(directory, "tables")]
      ],
      code: 1,
      says: /this run would hold .*, the limit is 0\.00 GiB/,
      next: /take a smaller model|Set /
    },
    { line: ["init", directory], code: 1, says: /is not empty, nothing was written/, next: /rise init NAME/ },
    {
      line: ["annotate", "-m", join(directory, "nowhere"), "x.png"],
      code: 1,
      process: true,
      says: /no such file or directory/,
      next: /hf download/
    },
    { line: [join(directory, "mine.ts")], code: 1, says: /there are no lessons to work on/, next: /check the data set/ }
  ]
}

const check = ({ code, line, next, says }: Row, { code: ended, stderr, stdout }: Ended): void => {
  const name = line.join(" ")
  assert.deepStrictEqual([ended, stdout], [code, ""], `${name}\n${stderr}`)
  assert.match(stderr, says, name)
  assert.match(stderr, next, name)
  assert.notMatch(stderr, /\n\s+at /, name)
  if (line.length > 0) assert.match(stderr, /^error: |\nerror: /, name)
  if (code === 2 && line.length > 0) assert.isBelow(stderr.trim().split("\n").length, 4, stderr)
}

/** Programs of their own, and some of the commands, are started as processes; of the others the entry is left out. */
const all = (rows: ReadonlyArray<Row>) =>
  Effect.forEach(
    rows,
    (row) => {
      const program = row.line[0]?.endsWith(".ts") === true
      const ended = program ? node(row.line) : row.process === true ? node([rise, ...row.line]) : here(row.line)
      return Effect.flatMap(ended, (ended) =>
        Effect.try({ try: () => check(row, ended), catch: String }).pipe(
          Effect.match({ onFailure: (fault) => [fault], onSuccess: () => [] })
        ))
    },
    { concurrency: 3 }
  ).pipe(Effect.map((faults) => assert.deepStrictEqual(faults.flat(), [])))

const folder = Effect.acquireRelease(
  Effect.sync(() => {
    const directory = mkdtempSync(join(tmpdir(), "rise-"))
    for (const half of ["train", "val"]) writeFileSync(join(directory, `${half}.csv`), "image,happy\na.png,1\n")
    // A directory that opens as a model: none of these mistakes lets anyone read its weights.
    const model = join(directory, "model")
    cpSync(join(root, "assets/scene-vl"), model, { recursive: true })
    const header = JSON.stringify({ weight: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }).padEnd(64)
    writeFileSync(
      join(model, "model.safetensors"),
      Buffer.concat([Buffer.from(BigUint64Array.of(64n).buffer), Buffer.from(header), Buffer.alloc(4)])
    )
    cpSync(model, join(directory, "begun/model"), { recursive: true })
    writeFileSync(join(directory, "begun/run.json"), "{}")
    writeFileSync(join(directory, "slip.json"), "{\n  \"sft\": {\"steps\": 9}\n    \"rft\": {}\n}")
    mkdirSync(join(directory, "votes"))
    for (const half of ["train", "test"]) {
      writeFileSync(join(directory, "votes", `${half}.csv`), "image,a,b\na.png,3,7\nb.png,1,9\n")
    }
    writeFileSync(
      join(directory, "mine.ts"),
      `import { Dataset, Emotion6, Policy, Rise } from ${JSON.stringify(join(root, "src/index.ts"))}\n` +
        `import { Effect } from ${JSON.stringify(join(root, "node_modules/effect/dist/index.js"))}\n` +
        "Rise.make(Emotion6.task, Dataset.fromIterable([])).pipe(Rise.answers(), Rise.sft(), Rise.run({ out: " +
        `${JSON.stringify(join(directory, "mine"))} }), Effect.provide(Policy.onnx({ model: "embedded" })), ` +
        "Rise.runMain)\n"
    )
    return directory
  }),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

describe("a user's mistake", () => {
  it.live(
    "in the command line is named on standard error, with a hint and the way to the help: exit 2",
    () => all(usage),
    300_000
  )

  it.live(
    "in what is asked for is one line without a stack, with the next step: exit 1",
    () => Effect.scoped(Effect.flatMap(folder, (directory) => all(inFolder(directory)))),
    300_000
  )

  it.live("is a JSON object where progress is", () =>
    Effect.gen(function*() {
      const [usage, run] = yield* Effect.all([
        node([rise, "train", "--json", "--tau", "75"]),
        node([rise, "report", "nowhere", "--json"])
      ], { concurrency: 2 })
      assert.deepStrictEqual([usage.code, JSON.parse(usage.stderr)], [2, {
        event: "failed",
        message: "--tau is a share from 0 to 1, got 75",
        next: "See \"rise train --help\"."
      }])
      assert.strictEqual(run.code, 1)
      assert.match(JSON.parse(run.stderr).message, /nowhere: no such folder/)
    }))
})
