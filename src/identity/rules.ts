import { MatrixError } from '../matrix/errors.ts'
import type { Rule } from './claims/index.ts'
import type { Identity } from './identity.ts'
import type { Policy } from './policy.ts'

/** Whoever is vouched for and yet may not come in: the log names the rule, the client is told that there is one. */
export class RuleBroken extends MatrixError {
  readonly rule: Rule

  constructor(policy: Policy, rule: Rule) {
    super('M_FORBIDDEN', `Your account at "${policy.name}" may not sign in here`, { extra: { code: 'rule_broken' } })
    this.rule = rule
  }
}

/** @throws RuleBroken */
export const checkRules = (policy: Policy, { claims }: Identity): void => {
  const broken = policy.rules.find((rule) => !rule.holds(claims))
  if (broken) throw new RuleBroken(policy, broken)
}
