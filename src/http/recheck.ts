import { MatrixError } from '../matrix/errors.ts'
import type { Exchange } from './exchange.ts'
import type { Session } from './session.ts'

/** Sessions that may have ended. */
export interface MayHaveEnded {
  readonly user?: number
  readonly devices?: readonly number[]
  readonly which?: (session: Session) => boolean
}

export interface RecheckHost {
  /** Requests whose handlers wait. */
  readonly waiting: ReadonlySet<Exchange>
  /** Whether the token of the request is still good for what it asks. @throws MatrixError */
  readonly admits: (exchange: Exchange) => unknown
  readonly onError: (error: unknown) => void
}

/** What ends at once, as the sessions of many people may, is looked for in one go; in ms. */
const gatherMs = 20

/**
 * Ends requests that wait (long polls) once their session has: each that may be concerned has its token looked at again. Costs nothing
 * while they sleep, and one walk over them when sessions end.
 */
export const createRecheck = ({ waiting, admits, onError }: RecheckHost): ((ended: MayHaveEnded) => void) => {
  let users = new Set<number>()
  let devices = new Set<number>()
  let tests: ((session: Session) => boolean)[] = []
  let timer: NodeJS.Timeout | undefined

  const look = async (exchange: Exchange): Promise<void> => {
    try {
      await admits(exchange)
    } catch (error) {
      // Only a refusal ends it: whatever else went wrong may be over when the next request comes.
      if (error instanceof MatrixError && (error.status === 401 || error.status === 403)) exchange.refuse(error)
      else onError(error)
    }
  }

  const walk = (): void => {
    timer = undefined
    const [ofUsers, ofDevices, others] = [users, devices, tests]
    users = new Set()
    devices = new Set()
    tests = []
    for (const exchange of waiting) {
      // Routes that ask for no token have no session, whatever the type says.
      const session = exchange.session as Session | undefined
      if (!session) continue
      const isConcerned =
        ofUsers.has(session.user) ||
        (session.device !== null && ofDevices.has(session.device)) ||
        others.some((test) => test(session))
      if (isConcerned) void look(exchange)
    }
  }

  return ({ user, devices: gone = [], which }) => {
    if (waiting.size === 0) return
    if (user !== undefined) users.add(user)
    for (const device of gone) devices.add(device)
    if (which) tests.push(which)
    timer ??= setTimeout(walk, gatherMs).unref()
  }
}
