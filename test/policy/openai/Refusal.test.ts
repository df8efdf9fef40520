/** What refusals in the words of real servers are about. */
import { assert, describe, it } from "@effect/vitest"
import { type Case, openai, verdict } from "./verdict.ts"

const about = (expected: string, cases: ReadonlyArray<Case>) => {
  for (const one of cases) assert.strictEqual(verdict(one).about, expected, JSON.stringify(one))
}

describe("a refusal", () => {
  it("is about one request where its picture, its length or its content is refused", () =>
    about("request", [
      [
        400,
        openai("The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", {
          code: "content_filter",
          param: "prompt",
          innererror: { code: "ResponsibleAIPolicyViolation" }
        })
      ],
      [
        400,
        openai("Your request was rejected as a result of our safety system.", { code: "content_policy_violation" })
      ],
      [400, openai("Invalid image data")],
      [
        400,
        openai(
          "You uploaded an unsupported image. Please make sure your image is valid.",
          { code: "image_parse_error" }
        )
      ],
      [
        400,
        openai(
          "This model's maximum context length is 4096 tokens. However, your messages resulted in 9000 tokens.",
          { code: "context_length_exceeded", param: "messages" }
        )
      ],
      // Names a field that is sent, and is about the prompt.
      [
        400,
        {
          object: "error",
          message:
            "'max_tokens' or 'max_completion_tokens' is too large: 512. This model's maximum context length is 9",
          type: "BadRequestError",
          param: null,
          code: 400
        }
      ],
      [
        400,
        {
          error: {
            code: 400,
            message: "the request exceeds the available context size (4096 tokens), try increasing it",
            type: "exceed_context_size_error"
          }
        }
      ],
      [
        400,
        [{ error: { code: 400, message: "Unable to process input image. Please retry.", status: "INVALID_ARGUMENT" } }]
      ],
      [
        400,
        {
          type: "error",
          error: {
            type: "invalid_request_error",
            message: "messages.0.content.0.image.source.base64: image exceeds 5 MB maximum: 6 > 5"
          }
        }
      ],
      [
        400,
        {
          error: {
            code: "data_inspection_failed",
            message: "Input data may contain inappropriate content.",
            type: "data_inspection_failed"
          }
        }
      ],
      [400, { error: { message: "Content Exists Risk", type: "invalid_request_error" } }],
      [400, { error: { code: "1301", message: "系统检测到输入或生成内容可能包含不安全或敏感内容" } }],
      [400, "cannot identify image file <_io.BytesIO object at 0x7f>"],
      [400, ""],
      [400, { error: "something nobody has seen" }],
      [
        422,
        {
          error: "Input validation error: `inputs` must have less than 4096 tokens. Given: 5000",
          error_type: "validation"
        }
      ],
      [
        403,
        {
          error: {
            code: 403,
            message: "moderation is required. Your input was flagged for \"violence\"",
            metadata: { reasons: ["violence"] }
          }
        }
      ],
      [403, { error: "Content violates usage guidelines." }],
      [413, "<html><title>413 Request Entity Too Large</title></html>"],
      [
        413,
        openai(
          "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 7000",
          { code: "rate_limit_exceeded" }
        )
      ],
      [
        429,
        openai(
          "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000.",
          { code: "rate_limit_exceeded" }
        )
      ],
      [451, ""],
      [500, { error: { message: "image: unknown format", type: "api_error" } }],
      [500, "cannot identify image file"],
      [200, { error: { message: "blocked", code: "content_filter" } }],
      [
        200,
        {
          choices: null,
          error: { code: 400, message: "Provider returned error", metadata: { raw: "{\"error\":\"image too large\"}" } }
        }
      ]
    ]))

  it("is about the set-up where no other request can do better", () =>
    about("set-up", [
      [401, ""],
      [401, openai("Incorrect API key provided", { code: "invalid_api_key" })],
      [402, { error: { message: "Insufficient Balance" } }],
      [403, openai("Country, region, or territory not supported", { code: "unsupported_country_region_territory" })],
      [403, ""],
      [404, openai("The model `vl` does not exist", { code: "model_not_found" })],
      [404, { detail: "Not Found" }],
      [404, { error: { message: "No endpoints found that support image input", code: 404 } }],
      [405, ""],
      [302, ""],
      [
        400,
        [
          {
            error: { code: 400, message: "API key not valid. Please pass a valid API key.", status: "INVALID_ARGUMENT" }
          }
        ]
      ],
      [
        400,
        {
          type: "error",
          error: { type: "invalid_request_error", message: "Your credit balance is too low to access the API" }
        }
      ],
      [
        400,
        { error: { code: "Arrearage", message: "Access denied, please make sure your account is in good standing." } }
      ],
      [
        400,
        openai(
          "Invalid content type. image_url is only supported by certain models.",
          { param: "messages.[0].content.[0].type" }
        )
      ],
      [400, { error: "Model does not support images. Please use a model that does." }],
      [
        400,
        {
          error: {
            message: "Failed to deserialize the JSON body: messages[0]: unknown variant `image_url`, expected `text`"
          }
        }
      ],
      [400, { object: "error", message: "At most 0 image(s) may be provided in one prompt.", code: 400 }],
      [
        500,
        {
          error: {
            code: 500,
            message: "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
            type: "server_error"
          }
        }
      ],
      [400, { error: { message: "Invalid model: vl" } }],
      [
        400,
        openai(
          "max_tokens is too large: 50000. This model supports at most 16384 completion tokens",
          { param: "max_tokens", code: "invalid_value" }
        )
      ],
      [400, openai("Unrecognized request argument supplied: foo")],
      [422, { detail: [{ type: "extra_forbidden", loc: ["body", "foo"], msg: "Extra inputs are not permitted" }] }],
      [400, "<html>bad gateway</html>"],
      [429, openai("You exceeded your current quota", { code: "insufficient_quota" })],
      [200, { error: { code: 401, message: "No auth credentials found" } }],
      [200, { error: { code: "insufficient_quota", message: "no credit" } }],
      [200, { choices: null, base_resp: { status_code: 1008, status_msg: "insufficient balance" } }]
    ]))

  it("is about the moment where the same may be answered later", () =>
    about("moment", [
      [429, openai("Rate limit reached", { code: "rate_limit_exceeded" })],
      // Google says so of every limit, of those of a minute as well.
      [
        429,
        [
          {
            error: {
              code: 429,
              message: "You exceeded your current quota, please check your plan and billing details.",
              status: "RESOURCE_EXHAUSTED"
            }
          }
        ]
      ],
      [408, ""],
      [425, ""],
      [500, "boom"],
      [502, "<html>bad gateway</html>"],
      [503, ""],
      [
        529,
        { error: { type: "overloaded_error", message: "Overloaded" } }
      ],
      [424, { error: "Request failed during generation", error_type: "generation" }],
      [200, { error: { code: 429 } }],
      [200, { error: { message: "The request rate exceeds the limit of your plan", code: "rate_limit_exceeded" } }],
      [400, { message: "ThrottlingException: Too many requests" }],
      [403, { error: { message: "Rate Limit Exceeded" } }],
      [200, { error: { message: "Provider returned error", code: 502 } }],
      [200, { error: "upstream connect error" }],
      [
        200,
        {
          choices: [
            { finish_reason: "error", error: { code: 502, message: "cut off" }, message: { content: "half an ans" } }
          ]
        }
      ],
      [200, { choices: [{ finish_reason: "error", message: { content: "half an ans" } }] }]
    ]))
})
