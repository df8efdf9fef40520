/**
 * The page that people look at: drop a picture, see what the model says of it. Three files of our own; nothing else is
 * loaded, and the policy in its header lets nothing else be.
 */
import { HttpServerResponse } from "effect/http"
import { script as scriptText } from "./pageScript.ts"
import { style as styleText } from "./pageStyle.ts"

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const markup = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>RISE annotator</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
</head>
<body>
<main>
<h1>RISE annotator</h1>
<p id="lead" class="lead">A picture goes in, an annotation and the reasoning behind it come out.</p>
<form id="form">
<label id="drop" for="file" class="drop"><span>Drop a picture here, paste one, or <u>choose a file</u></span>
<input id="file" type="file" accept="image/*" class="hidden"></label>
<div id="asks" class="field" hidden><label for="question">Question about the picture</label>
<div class="row"><input id="question" type="text" autocomplete="off"><button>Ask</button></div></div>
<div id="locked" class="field" hidden><label for="token">Token of this server</label>
<input id="token" type="password" autocomplete="off" spellcheck="false"></div>
</form>
<p id="status" role="status" aria-live="polite"></p>
<section id="result" hidden aria-label="Annotation">
<figure><div class="frame"><img id="picture" alt="The picture that was sent">
<svg id="boxes" aria-hidden="true"></svg></div>
<figcaption id="name"></figcaption></figure>
<div class="said">
<h2>Reasoning</h2><p id="reasoning"></p>
<h2>Annotation</h2><div id="values"></div>
<p id="confidence" class="note"></p>
<details><summary>The answer as JSON</summary><pre id="raw" tabindex="0"></pre></details>
</div>
</section>
</main>
<script src="/page.js" defer></script>
</body>
</html>
`

/** The page. */
export const html = HttpServerResponse.text(markup, {
  contentType: "text/html; charset=utf-8",
  headers: { "content-security-policy": policy }
})
/** Its style. */
export const style = HttpServerResponse.text(styleText, { contentType: "text/css; charset=utf-8" })
/** Its script. */
export const script = HttpServerResponse.text(scriptText, { contentType: "text/javascript; charset=utf-8" })
