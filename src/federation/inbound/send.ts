import { Type } from 'typebox'
import { RawJson, route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isObject, type Json, type JsonObject } from '../../matrix/json.ts'
import type { Memory } from '../../storage/index.ts'
import { takeEdu, type EduDeps } from './edus.ts'
import type { Receiver } from '../../events/index.ts'

export interface SendDeps extends EduDeps {
  readonly database: { readonly memory: Memory }
  /** Absent: no event of others is taken. */
  readonly receive?: Pick<Receiver, 'arrive'> | undefined
  readonly logger: { warn(details: object, message: string): void }
}

const [mostPdus, mostEdus] = [50, 100]
const Body = Type.Object({
  origin: Type.Optional(Type.String()),
  origin_server_ts: Type.Optional(Type.Unknown()),
  pdus: Type.Optional(Type.Array(Type.Unknown(), { maxItems: mostPdus })),
  edus: Type.Optional(Type.Array(Type.Unknown(), { maxItems: mostEdus })),
})

async function takeAll(
  deps: SendDeps,
  origin: string,
  pdus: readonly JsonObject[],
  edus: readonly Json[],
): Promise<string> {
  if (pdus.length > 0 && !deps.receive)
    throw new MatrixError('M_UNRECOGNIZED', 'This server takes no events of others yet')
  const results: Record<string, JsonObject> = {}
  for (const { eventId, error } of pdus.length > 0 ? ((await deps.receive?.arrive(origin, pdus)) ?? []) : [])
    results[eventId] = error === undefined ? {} : { error }
  for (const edu of edus) {
    try {
      await takeEdu(deps, origin, edu)
    } catch (error) {
      // One that cannot be taken is no reason to have the rest sent again.
      deps.logger.warn({ err: error, origin }, 'something that another server told was passed over')
    }
  }
  return JSON.stringify({ pdus: results })
}

/** What other servers tell. @see https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1sendtxnid */
export function sendRoute(deps: SendDeps): Route {
  /** The newest answers, by server and transaction: one that comes again is answered as before. */
  const answers = deps.database.memory.cache<string, Promise<string>>({
    name: 'transactions of servers',
    weigh: 3000,
    share: 1 / 20,
  })
  return route({
    id: 'sendTransaction',
    method: 'PUT',
    path: '/_matrix/federation/v1/send/:txnId',
    auth: 'server',
    params: Type.Object({ txnId: Type.String({ maxLength: 255 }) }),
    body: Body,
    bodyLimit: 16 * 1024 * 1024,
    reply: Type.Object({ pdus: Type.Record(Type.String(), Type.Object({})) }),
    handle: async ({ origin, params: { txnId }, body: { pdus = [], edus = [] } }) => {
      const key = `${origin} ${txnId}`
      const known = answers.get(key)
      if (known) return new RawJson(await known)
      const answer = takeAll(
        deps,
        origin,
        pdus.filter((pdu): pdu is JsonObject => isObject(pdu)),
        edus as Json[], // what was parsed is JSON
      )
      answers.set(key, answer)
      // What failed is taken when it comes again.
      answer.catch(() => answers.delete(key))
      return new RawJson(await answer)
    },
  })
}
