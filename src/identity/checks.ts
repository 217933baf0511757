import type { Config, Finding } from '../config/index.ts'
import { policiesOf } from './policies.ts'
import { scimChecks } from './scim/index.ts'

/** What `config check` and the start say about rules, templates and SCIM. */
export const identityChecks = (config: Pick<Config, 'jwt_config' | 'identity_providers'>): Finding[] => [
  ...policiesOf(config).findings,
  ...scimChecks(config),
]
