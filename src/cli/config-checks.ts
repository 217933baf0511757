import { registrationChecks } from '../appservice/index.ts'
import type { Check } from '../config/index.ts'
import { authorityChecks } from '../http/index.ts'
import { identityChecks } from '../identity/index.ts'
import { providerChecks } from '../providers/index.ts'

/** What other folders check of a configuration before a start: `config check` and `start` run the same. */
export const configChecks: readonly Check[] = [
  authorityChecks,
  (config) => providerChecks(config, Date.now()),
  identityChecks,
  registrationChecks,
]
