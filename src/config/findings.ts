import type { Finding } from './finding.ts'

const finding =
  (level: Finding['level']) =>
  (key: string, message: string, fix: string): Finding => ({
    level,
    key,
    message: `"${key}": ${message}.`,
    fix: `${fix}.`,
  })

/** What keeps the server from starting: the setting, what is wrong with it, and what to do. Never the value of a secret. */
export const error = finding('error')
/** What the operator should know. */
export const warning = finding('warning')
