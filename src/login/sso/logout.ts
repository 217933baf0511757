import type { Ended } from '../../sessions/index.ts'
import type { BrowserProvider } from '../../providers/index.ts'
import type { Web } from './web.ts'

/**
 * Ends the sessions that came of what a provider has ended, and says how many. Softly, devices and their keys stay, and their clients
 * are asked to sign in again; hard, the devices go.
 */
export const endSessionsFrom = async (
  { context }: Pick<Web, 'context'>,
  provider: BrowserProvider,
  ended: Ended,
): Promise<number> => {
  const { people } = context.identities.policyFor(provider.id)
  const how = provider.backchannelLogout === 'soft' ? 'soft' : 'hard'
  const count = await context.sessions.endFrom(people, ended, how)
  // Its tokens may be access tokens by themselves.
  await context.providers.bearer.revoke(provider.id, ended)
  return count
}
