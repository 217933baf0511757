import type { Claims } from '../claims/index.ts'

/** What the operator has settled about the people of one provider. */
export interface Policy {
  /** The provider's id. */
  readonly id: string
  /** What an account that is made now is called; undefined where the claims do not say. */
  displayName(claims: Claims): string | undefined
  /** Whether people without an account get one. */
  readonly registration: boolean
  /**
   * What happens when the name is taken by an account that is not linked: it is refused, or linked after proof of both sides, or
   * simply taken for the subject's own, as the drop-in block promises.
   */
  readonly taken: 'refuse' | 'link' | 'adopt'
}
