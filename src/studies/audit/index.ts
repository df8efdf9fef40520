/**
 * Finding wrong labels by what the closed loop rebuilds of them.
 *
 * @module
 */
export { audit, auditFile, type AuditOptions } from "./audit.ts"
export { type Judge, silence, type Unanswered } from "./Judge.ts"
export { type Monotony, monotony, sameness } from "./Monotony.ts"
export { page, type PageOptions } from "./page.ts"
export { agrees, answered, type Ranking, rankings, reason, score, Scored } from "./Scored.ts"
export { study, type StudyOptions, unansweredFile } from "./study.ts"
export { figures, Suspect, suspects } from "./Suspects.ts"
