import { Problem } from '../problem.ts'

/** What of a response does not fit, by the kind of check. */
export class Unfit extends Problem {
  readonly rule: 'form' | 'signature' | 'issuer' | 'audience' | 'times' | 'subject'

  constructor(rule: Unfit['rule'], message: string, options?: { cause: unknown }) {
    super('provider_failed', message, options)
    this.rule = rule
  }
}
