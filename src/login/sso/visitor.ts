import { MatrixError } from '../../matrix/errors.ts'
import { type Account, gate } from '../../users/index.ts'
import { Problem } from '../../providers/index.ts'
import type { Visit } from './visits.ts'
import { accountAt, type PageRequest, type Web } from './web.ts'

const isOver = (error: unknown): void => {
  if (!(error instanceof MatrixError && error.errcode === 'M_UNKNOWN_TOKEN')) throw error
}

/** Somebody who is signed in to the pages. */
export interface Visitor {
  readonly visit: Visit
  readonly account: Account
}

/** Who is on a page; undefined for nobody. @throws MatrixError for an account that may not come in any more */
export const visitorOf = async (web: Web, { headers }: Pick<PageRequest, 'headers'>): Promise<Visitor | undefined> => {
  const secret = web.visitor.read(headers)
  const from = web.visits.find(secret)?.from
  // It ends just then, where the provider says that its session has ended.
  if (from)
    await web.context.standing.holds({ provider: from.people, subject: from.subject, sid: from.sid }).catch(isOver)
  const visit = web.visits.find(secret)
  return visit && { visit, account: await accountAt(web, visit.user, gate) }
}

/** The same, where there has to be somebody. @throws Problem */
export const mustBeIn = async (web: Web, request: Pick<PageRequest, 'headers'>): Promise<Visitor> => {
  const visitor = await visitorOf(web, request)
  if (!visitor) throw new Problem('lost', 'Nobody is signed in to the account page')
  return visitor
}
