import { registrationChecks } from '../appservice/index.ts'
import type { Check } from '../config/index.ts'
import { jwtChecks, ldapChecks, policyChecks, samlChecks, scimChecks } from '../login/index.ts'

/** What other folders check of a configuration before a start: `config check` and `start` run the same. */
export const configChecks: readonly Check[] = [
  jwtChecks,
  ldapChecks,
  policyChecks,
  samlChecks,
  scimChecks,
  registrationChecks,
]
