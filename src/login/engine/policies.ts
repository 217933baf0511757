import type { Config } from '../../config/index.ts'
import { own } from '../../matrix/json.ts'
import { shownName } from '../accounts.ts'
import type { Policy } from './policy.ts'

/** The part of the configuration that says what is settled about the people of each provider. */
export type PolicySettings = Pick<Config, 'jwt_config' | 'identity_providers'>

const byClaim = (claim: string | undefined): Policy['displayName'] => (claims) => {
  const name = claim === undefined ? undefined : own(claims, claim)
  return typeof name === 'string' && name.trim() !== '' ? shownName(name) : undefined
}

/** What is settled about the people of every provider. */
export const policiesOf = ({ jwt_config: block, identity_providers: entries }: PolicySettings): Policy[] => [
  ...(block.enabled ? [{ id: 'jwt_config', displayName: byClaim(block.display_name_claim), registration: true, taken: 'adopt' } as const] : []),
  ...entries.map(({ id, display_name_claim: claim }) => ({ id, displayName: byClaim(claim), registration: true, taken: 'refuse' } as const)),
]
