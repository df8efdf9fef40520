/** The floors of src/ from the ground: every import runs down, and none in a circle. */
const floors = ["kernels", "policy", "dsl", "data", "tasks", "evaluation", "sources", "pipelines", "studies", "cli"]

const upward = floors.slice(0, -1).map((floor, i) => ({
  name: `${floor}-upward`,
  comment: `src/${floor} may import from itself and from the floors below: ${floors.slice(0, i).join(", ") || "none"}`,
  severity: "error",
  from: { path: `^src/${floor}/` },
  to: { path: `^src/(${floors.slice(i + 1).join("|")}|index\\.ts)` }
}))

export default {
  forbidden: [
    { name: "circle", severity: "error", from: {}, to: { circular: true } },
    { name: "outside", severity: "error", from: { path: "^src/" }, to: { path: "^(test|bench|scripts|examples|typetest)/" } },
    {
      name: "whole-platform",
      comment: "loads a client of Redis, 650 modules: import @effect/platform-node/NodeServices and its like instead",
      severity: "error",
      from: {},
      to: { path: "@effect/platform-node(/dist/index|$)" }
    },
    ...upward
  ],
  options: { parser: "swc", doNotFollow: { path: "node_modules" }, tsPreCompilationDeps: true }
}
