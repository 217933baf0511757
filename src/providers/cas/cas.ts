import type { Config } from '../../config/index.ts'
import { OutgoingError, type Outgoing } from '../../http/index.ts'
import { readCasAnswer } from './answer.ts'
import { Problem } from '../problem.ts'
import type { BrowserProvider, Trip } from '../browser.ts'

/** An entry of `identity_providers` of type `cas`. */
export type CasConfig = Extract<Config['identity_providers'][number], { type: 'cas' }>

/** What talking to the provider takes. */
export interface CasDeps {
  readonly outgoing: Outgoing
  readonly now: () => number
  /** Where the provider sends people back to. */
  readonly callback: string
}

const largestAnswer = 256 * 1024

/**
 * A provider that speaks CAS. The state is part of the service's address, so that a ticket is good for the trip that it was given for
 * and for no other.
 * @see https://apereo.github.io/cas/7.2.x/protocol/CAS-Protocol-Specification.html
 */
export const casProvider = (config: CasConfig, { outgoing, now, callback }: CasDeps): BrowserProvider => {
  const address = (path: string, { state, fresh }: Trip, more: Record<string, string> = {}): URL => {
    const url = new URL(`${config.url}${path}`)
    url.search = new URLSearchParams({
      service: `${callback}?state=${state}`,
      ...more,
      ...(fresh && { renew: 'true' }),
    }).toString()
    return url
  }
  const validate = config.protocol === '2' ? '/serviceValidate' : '/p3/serviceValidate'
  return {
    id: config.id,
    name: config.name ?? config.id,
    icon: config.icon,
    brand: config.brand,
    backchannelLogout: 'off',
    leave: (trip) => Promise.resolve(address('/login', trip)),
    arrive: async (trip, answer) => {
      const [ticket, ...more] = answer.getAll('ticket')
      if (ticket === undefined || ticket === '' || more.length > 0)
        throw new Problem('cancelled', 'Somebody came back from the CAS server without a ticket')
      try {
        const reply = await outgoing(address(validate, trip, { ticket }), { configured: true, maxBytes: largestAnswer })
        if (reply.status !== 200) throw new Problem('provider_failed', `The CAS server answered ${reply.status}`)
        const { user, attributes } = readCasAnswer(reply.body.toString())
        // Asked for a ticket of somebody who was just asked, the server has refused any other.
        return { subject: user, claims: { ...attributes, user }, authenticated: trip.fresh ? now() : undefined }
      } catch (error) {
        if (error instanceof OutgoingError)
          throw new Problem('provider_unreachable', `The CAS server could not be asked: ${error.message}`, {
            cause: error,
          })
        throw error
      }
    },
  }
}
