import type { Config, Finding } from '../config/index.ts'
import { dropInPolicy, type Policy, policyOf } from './policy.ts'

/** The part of the configuration that says what is settled about the people of each provider. */
export type PolicySettings = Pick<Config, 'jwt_config' | 'identity_providers'>

/** The id of the drop-in block wherever providers are told apart. */
export const dropInId = 'jwt_config'

/** The same where the block is that of a try-out. */
export const tryOutId = 'try-out'

/** The ids that the block goes by: no entry of `identity_providers` has one of them. */
export const dropInIds: readonly string[] = [dropInId, tryOutId]

/** The id that the block goes by. */
export const dropInIdOf = ({ try_out: isTryOut }: { try_out?: boolean | undefined }): string =>
  isTryOut ? tryOutId : dropInId

/** What is settled about the people of every provider, by its id, and what is to be said about it. */
export const policiesOf = ({
  jwt_config: block,
  identity_providers: entries,
}: PolicySettings): { policies: Map<string, Policy>; findings: Finding[] } => {
  const made = entries.map((entry, index) => policyOf(entry, `identity_providers[${index}]`))
  const policies = [
    ...(block.enabled ? [dropInPolicy(dropInIdOf(block), block.display_name_claim)] : []),
    ...made.map(({ policy }) => policy),
  ]
  return {
    policies: new Map(policies.map((policy) => [policy.id, policy])),
    findings: made.flatMap(({ findings }) => findings),
  }
}

/** What is settled about the people of a provider that is configured. */
export const policyFor = ({ policies }: { policies: ReadonlyMap<string, Policy> }, provider: string): Policy => {
  const policy = policies.get(provider)
  if (!policy) throw new Error(`There is no identity provider "${provider}"`)
  return policy
}
