import type { IncomingHttpHeaders } from 'node:http'
import { Type } from 'typebox'
import { clientNetwork, createLimiter, limitExceeded, Reply, route, type Route } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { OAuthContext } from './deps.ts'

/** What two devices have to say to each other at the moment. */
interface Meeting {
  data: string
  /** Another one after each write. */
  token: string
  readonly expires: number
}

const [most, longest] = [1_000, 4_096]
/** How long two devices have to get through with it, in ms. */
const lifetimeMs = 5 * 60_000
/** How many of these an address may begin in an hour. */
const perHour = 120
const hourMs = 3_600_000

/** Where devices that know nothing of each other but a QR code leave messages: in memory, for minutes, and encrypted by them. */
interface Meetings {
  /** @throws MatrixError M_LIMIT_EXCEEDED, M_TOO_LARGE */
  begin(ip: string, data: string): { id: string; meeting: Meeting }
  /** @throws MatrixError M_NOT_FOUND */
  get(id: string): Meeting
  /** False when somebody else has written meanwhile. @throws MatrixError M_NOT_FOUND, M_TOO_LARGE */
  write(id: string, token: string | undefined, data: string): boolean
  end(id: string): void
}

const createMeetings = ({ now, randomId }: Pick<OAuthContext, 'now' | 'randomId'>): Meetings => {
  const meetings = new Map<string, Meeting>()
  const limiter = createLimiter({ perSecond: (perHour * 1000) / hourMs, burst: perHour, now })
  const token = (): string => randomId().slice(0, 22)
  const check = (data: string): void => {
    if (Buffer.byteLength(data) > longest) throw new MatrixError('M_TOO_LARGE', `There is room for ${longest} bytes`)
  }
  const get = (id: string): Meeting => {
    const meeting = meetings.get(id)
    if (!meeting || meeting.expires <= now())
      throw new MatrixError('M_NOT_FOUND', 'There is no such rendezvous, or no more')
    return meeting
  }
  return {
    get,
    begin: (ip, data) => {
      check(data)
      const wait = limiter.take(clientNetwork(ip))
      if (wait > 0) throw limitExceeded(wait)
      // All live equally long: the first is the oldest.
      for (const [id, { expires }] of meetings) {
        if (expires > now()) break
        meetings.delete(id)
      }
      if (meetings.size >= most) throw limitExceeded(lifetimeMs)
      const [id, meeting] = [token(), { data, token: token(), expires: now() + lifetimeMs }]
      meetings.set(id, meeting)
      return { id, meeting }
    },
    write: (id, known, data) => {
      const meeting = get(id)
      check(data)
      // Whoever did not get the answer may say the same again.
      if (meeting.token !== known) return meeting.data === data
      meeting.data = data
      meeting.token = token()
      return true
    },
    end: (id) => {
      get(id)
      meetings.delete(id)
    },
  }
}

/** Nobody is to open what a stranger has left here as a page. @throws MatrixError M_FORBIDDEN */
const mustBeProgram = (headers: IncomingHttpHeaders): void => {
  if (headers['sec-fetch-mode'] === 'navigate')
    throw new MatrixError('M_FORBIDDEN', 'This is for apps, and not to be opened in a browser')
}

const changed = 'The other device has written meanwhile: read it first'

const readText = async (body: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const common = { auth: 'none', limit: 'login', reply: Type.Object({}) } as const
const Id = Type.Object({ id: Type.String() })

/** As texts with ETags. @see https://github.com/matrix-org/matrix-spec-proposals/pull/4108 */
const plainRoutes = ({ now, publicUrl }: Pick<OAuthContext, 'now' | 'publicUrl'>, meetings: Meetings): Route[] => {
  const path = '/_matrix/client/unstable/org.matrix.msc4108/rendezvous'
  const headersOf = ({ token, expires }: Meeting): Record<string, string> => ({
    etag: `"${token}"`,
    expires: new Date(expires).toUTCString(),
    'last-modified': new Date(now()).toUTCString(),
    'cache-control': 'no-store, no-transform',
    'access-control-expose-headers': 'ETag',
  })
  const tokenIn = (header: string | undefined): string | undefined => header?.replaceAll('"', '')
  return [
    route({
      id: 'rendezvousBegin',
      method: 'POST',
      path,
      ...common,
      rawBody: true,
      bodyLimit: longest,
      handle: async ({ body, ip }) => {
        const { id, meeting } = meetings.begin(ip, await readText(body))
        return new Reply({
          status: 201,
          headers: { 'content-type': 'application/json', ...headersOf(meeting) },
          body: JSON.stringify({ url: `${publicUrl}${path}/${id}` }),
        })
      },
    }),
    route({
      id: 'rendezvousRead',
      method: 'GET',
      path: `${path}/:id`,
      ...common,
      params: Id,
      handle: ({ params, headers }) => {
        mustBeProgram(headers)
        const meeting = meetings.get(params.id)
        if (tokenIn(headers['if-none-match']) === meeting.token)
          return new Reply({ status: 304, headers: headersOf(meeting) })
        return new Reply({ headers: { 'content-type': 'text/plain', ...headersOf(meeting) }, body: meeting.data })
      },
    }),
    route({
      id: 'rendezvousWrite',
      method: 'PUT',
      path: `${path}/:id`,
      ...common,
      params: Id,
      rawBody: true,
      bodyLimit: longest,
      handle: async ({ params, headers, body }) => {
        const text = await readText(body)
        if (!meetings.write(params.id, tokenIn(headers['if-match']), text))
          throw new MatrixError('M_UNKNOWN', changed, {
            status: 412,
            extra: { 'org.matrix.msc4108.errcode': 'M_CONCURRENT_WRITE' },
          })
        return new Reply({ status: 202, headers: headersOf(meetings.get(params.id)) })
      },
    }),
    route({
      id: 'rendezvousEnd',
      method: 'DELETE',
      path: `${path}/:id`,
      ...common,
      params: Id,
      handle: ({ params }) => {
        meetings.end(params.id)
        return new Reply({ status: 204 })
      },
    }),
  ]
}

/** As JSON. @see https://github.com/matrix-org/matrix-spec-proposals/pull/4388 */
const jsonRoutes = ({ now }: Pick<OAuthContext, 'now'>, meetings: Meetings): Route[] => {
  const path = '/_matrix/client/unstable/io.element.msc4388/rendezvous'
  return [
    route({
      id: 'rendezvousAvailable',
      method: 'GET',
      path,
      ...common,
      handle: () => ({ create_available: true }),
    }),
    route({
      id: 'rendezvousBeginJson',
      method: 'POST',
      path,
      ...common,
      body: Type.Object({ data: Type.String() }),
      bodyLimit: 4 * longest,
      handle: ({ body, ip }) => {
        const { id, meeting } = meetings.begin(ip, body.data)
        return { id, sequence_token: meeting.token, expires_in_ms: meeting.expires - now() }
      },
    }),
    route({
      id: 'rendezvousReadJson',
      method: 'GET',
      path: `${path}/:id`,
      ...common,
      params: Id,
      handle: ({ params, headers }) => {
        mustBeProgram(headers)
        const { data, token, expires } = meetings.get(params.id)
        return { data, sequence_token: token, expires_in_ms: expires - now() }
      },
    }),
    route({
      id: 'rendezvousWriteJson',
      method: 'PUT',
      path: `${path}/:id`,
      ...common,
      params: Id,
      body: Type.Object({ data: Type.String(), sequence_token: Type.String() }),
      bodyLimit: 4 * longest,
      handle: ({ params, body }) => {
        if (!meetings.write(params.id, body.sequence_token, body.data))
          return new Reply({
            status: 409,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ errcode: 'IO_ELEMENT_MSC4388_CONCURRENT_WRITE', error: changed }),
          })
        return { sequence_token: meetings.get(params.id).token }
      },
    }),
    route({
      id: 'rendezvousEndJson',
      method: 'DELETE',
      path: `${path}/:id`,
      ...common,
      params: Id,
      handle: ({ params }) => {
        meetings.end(params.id)
        return {}
      },
    }),
  ]
}

/** Where a device that is signed in and one that is not find each other, to sign in by a QR code. */
export const rendezvousRoutes = (context: OAuthContext): Route[] => {
  const meetings = createMeetings(context)
  return [...plainRoutes(context, meetings), ...jsonRoutes(context, meetings)]
}
