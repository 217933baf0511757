/** What `latchkey doctor` has looked at. */
export interface Diagnosis {
  readonly state: 'ok' | 'warning' | 'error'
  readonly about: string
  /** What was found, as one sentence. */
  readonly says: string
  /** What to do about it. */
  readonly cure?: string
}
