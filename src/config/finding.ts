/** Something wrong, or worth a word, in the configuration. An error keeps the server from starting; a warning does not. */
export interface Finding {
  readonly level: 'error' | 'warning'
  /** The setting it is about, as a path: `jwt_config.secret`, `identity_providers[0].id`. Empty for the file as a whole. */
  readonly key: string
  /** What is wrong, in one sentence. Never holds the value of a secret. */
  readonly message: string
  /** What to do about it, in one sentence. */
  readonly fix?: string
  readonly file?: string
  /** Counted from 1, as is `column`. */
  readonly line?: number
  readonly column?: number
  /** The environment variable or flag that the value came from. */
  readonly via?: string
}

/** Where a value was written. */
export interface Origin {
  readonly file?: string
  readonly line?: number
  readonly column?: number
  readonly via?: string
  /** The folder that relative paths written here start from. */
  readonly base: string
  /** How values are typed: as YAML types them, as bare text (environment, flags), or as JavaScript values. */
  readonly form: 'yaml' | 'text' | 'object'
}

/** Thrown when the configuration cannot be used; `findings` holds every error, and the warnings beside them. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly findings: readonly Finding[]

  constructor(findings: readonly Finding[]) {
    super(
      findings
        .filter((finding) => finding.level === 'error')
        .map(formatFinding)
        .join('\n'),
    )
    this.findings = findings
  }
}

const ended = (sentence: string | undefined): string | undefined =>
  sentence && !/[.?!]$/.test(sentence) ? `${sentence}.` : sentence

/** Where, what, and the way out, on one line: `latchkey.yaml:7: "sever_name" is not a setting. Did you mean "server_name"?` */
export const formatFinding = (finding: Finding): string => {
  const place =
    finding.file === undefined
      ? finding.via
      : finding.line === undefined
        ? finding.file
        : `${finding.file}:${finding.line}`
  return [place && `${place}:`, finding.level === 'warning' && 'warning:', ...[finding.message, finding.fix].map(ended)]
    .filter(Boolean)
    .join(' ')
}

/** A finding at the place where the value was written. */
export const findingAt = (
  at: Origin,
  level: Finding['level'],
  key: string,
  message: string,
  fix?: string,
): Finding => ({
  level,
  key,
  message,
  ...(fix !== undefined && { fix }),
  ...(at.file !== undefined && { file: at.file }),
  ...(at.line !== undefined && { line: at.line }),
  ...(at.column !== undefined && { column: at.column }),
  ...(at.via !== undefined && { via: at.via }),
})

/** In the order in which one reads: files by line, then flags and variables; errors before warnings of the same place. */
export const sortFindings = (findings: readonly Finding[]): Finding[] =>
  findings.toSorted(
    (a, b) =>
      Number(a.file === undefined) - Number(b.file === undefined) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0) ||
      a.level.localeCompare(b.level),
  )
