import { hash } from 'node:crypto'
import type { Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { canonicalJson, isObject, type JsonObject, own } from '../../matrix/json.ts'
import { ConfirmationRequired } from './challenge.ts'

/** Who is asking, and from where, while a stage is tried. */
export interface StageContext {
  session: Session | undefined
  ip: string
}

/** One way to prove something. */
export interface Stage {
  readonly type: string
  /** What a client needs to know to go through it. */
  readonly params?:
    | Record<string, unknown>
    | ((asked: { session: string; operation: string }) => Record<string, unknown>)
  /**
   * Throws a MatrixError when what the client brings (`auth`) proves nothing. Must keep none of it, but may return what whoever asked
   * for the confirmation has to know of it.
   */
  verify(auth: JsonObject, context: StageContext): Promise<string | void> | string | void
}

/** A request that has to be confirmed. */
export interface ToConfirm extends StageContext {
  /** What is asked for: method, route and whatever in the path says on what. A confirmation is good for this alone. */
  operation: string
  /** The request's body with `auth`, if it has one. */
  body: JsonObject
  /** The ways to confirm it. Each stage of one of them has to be passed, in order. */
  flows: readonly (readonly Stage[])[]
}

interface Open {
  readonly id: string
  readonly session: Session | undefined
  readonly operation: string
  /** Of the body without `auth`; undefined until a stage is passed, which is when the confirmation becomes worth something. */
  body: string | undefined
  /** Of the body that was asked for last: it is what a page confirms. */
  asked: string
  /** As they were when it was asked for last. */
  flows: ToConfirm['flows']
  readonly completed: string[]
  /** What the stages that were passed have returned. */
  readonly notes: Map<string, string>
  readonly expires: number
}

/** Asks for confirmation, remembers what was passed, and lets a confirmed request through. */
export interface InteractiveAuth {
  /**
   * Resolves when the request is confirmed, once, to what the stages returned, by their types. Throws the 401 that says what is still
   * to do, or the refusal.
   */
  confirm(request: ToConfirm): Promise<ReadonlyMap<string, string>>
  /** What waits for the page of a stage; undefined when nothing of that id does. */
  waiting(id: string, stage: string): Waiting | undefined
  /** The newest of a user's that waits for that page; undefined when none does. */
  waitingFor(user: number, stage: string, operation: string): string | undefined
  /** Looks at what somebody has brought to the page of a stage, as `auth` would be; passes nothing yet. @throws MatrixError */
  prove(id: string, stage: string, auth: JsonObject, ip: string): Promise<string | void>
  /**
   * Passes a stage that a page has seen the user prove. False when it does not wait for that, or not of that user.
   * @param note what `prove` returned
   */
  pass(id: string, stage: string, user: number | undefined, note?: string | void): boolean
}

/** A request that waits in an app for what is done on a page. */
export interface Waiting {
  /** Undefined for somebody who is not signed in. */
  readonly user: number | undefined
  readonly operation: string
  /** Whether the stage of the page is passed. */
  readonly done: boolean
  /** The stages of which one has to come next. */
  readonly next: readonly string[]
}

const lifetimeMs = 15 * 60_000
/** Of those who are signed in, and of those who are not: neither can push the other out. */
const most = 5_000

const bodyHash = (body: JsonObject): string => {
  const { auth: _, ...rest } = body
  return hash('sha256', canonicalJson(rest), 'base64url')
}

/** The stages of which one has to come next. */
const nextOf = ({ flows, completed }: Pick<Open, 'flows' | 'completed'>): Stage[] =>
  flows
    .filter((stages) => completed.every((name, at) => stages[at]?.type === name))
    .flatMap((stages) => stages[completed.length] ?? [])

const challenge = (open: Open, flows: ToConfirm['flows'], reason?: MatrixError): ConfirmationRequired => {
  const asked = { session: open.id, operation: open.operation }
  const params = Object.fromEntries(
    flows.flat().flatMap(({ type, params }) => {
      if (!params) return []
      return [[type, typeof params === 'function' ? params(asked) : params]]
    }),
  )
  return new ConfirmationRequired(
    {
      flows: flows.map((stages) => ({ stages: stages.map(({ type }) => type) })),
      params,
      session: open.id,
      completed: open.completed,
    },
    reason,
  )
}

/**
 * User-interactive authentication. What is under way is kept in memory, for a quarter of an hour and within a bound: it is worth
 * nothing later, anybody may begin one, and a table of them would be a way to fill the disk. A restart makes clients begin again.
 * Credentials are looked at and forgotten; only the names of passed stages are kept.
 *
 * @see https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api
 */
export const createInteractiveAuth = (deps: { now: () => number; randomId: () => string }): InteractiveAuth => {
  const known = { in: new Map<string, Open>(), out: new Map<string, Open>() }
  const mapOf = (session: Session | undefined): Map<string, Open> => (session ? known.in : known.out)

  const begin = ({ session, operation, body, flows }: ToConfirm): Open => {
    const map = mapOf(session)
    const open: Open = {
      id: deps.randomId().slice(0, 32),
      session,
      operation,
      body: undefined,
      completed: [],
      notes: new Map(),
      expires: deps.now() + lifetimeMs,
      asked: bodyHash(body),
      flows,
    }
    map.set(open.id, open)
    const [oldest] = map.keys()
    if (map.size > most && oldest !== undefined) map.delete(oldest)
    return open
  }

  /** The confirmation under way that the client names. It must be of the same user, the same operation and the same body. */
  const resume = (request: ToConfirm, id: string): Open => {
    const open = mapOf(request.session).get(id)
    if (!open || open.expires <= deps.now()) {
      throw challenge(
        begin(request),
        request.flows,
        new MatrixError('M_FORBIDDEN', 'This confirmation is not known or took too long, begin again'),
      )
    }
    if (
      open.session?.user !== request.session?.user ||
      open.operation !== request.operation ||
      (open.body ?? bodyHash(request.body)) !== bodyHash(request.body)
    ) {
      throw new MatrixError('M_FORBIDDEN', 'This confirmation was begun for another request')
    }
    open.asked = bodyHash(request.body)
    open.flows = request.flows
    return open
  }

  const pass = async (request: ToConfirm, open: Open, type: string, auth: JsonObject): Promise<void> => {
    const done = open.completed.length
    const stage = nextOf(open).find((next) => next.type === type)
    if (!stage)
      throw challenge(
        open,
        request.flows,
        new MatrixError('M_FORBIDDEN', `"${type.slice(0, 64)}" is not what has to be done next`),
      )
    let note: string | void
    try {
      note = await stage.verify(auth, request)
    } catch (refusal) {
      if (!(refusal instanceof MatrixError) || refusal.status === 429 || refusal.status >= 500) throw refusal
      throw challenge(open, request.flows, refusal)
    }
    // A second request may have passed the same stage while this one was being looked at.
    if (open.completed.length !== done) throw challenge(open, request.flows)
    open.body = bodyHash(request.body)
    open.completed.push(type)
    if (typeof note === 'string') open.notes.set(type, note)
  }

  const find = (id: string): Open | undefined => {
    const open = known.in.get(id) ?? known.out.get(id)
    return open && open.expires > deps.now() ? open : undefined
  }
  const awaits = (open: Open | undefined, stage: string): Stage | undefined =>
    open && nextOf(open).find(({ type }) => type === stage)

  return {
    waiting: (id, stage) => {
      const open = find(id)
      const done = open?.completed.includes(stage) ?? false
      if (!open || (!done && !awaits(open, stage))) return undefined
      return { user: open.session?.user, operation: open.operation, done, next: nextOf(open).map(({ type }) => type) }
    },
    waitingFor: (user, stage, operation) =>
      [...known.in.values()].findLast(
        (open) => open.session?.user === user && open.operation === operation && awaits(find(open.id), stage),
      )?.id,
    prove: async (id, stage, auth, ip) => {
      const open = find(id)
      const next = awaits(open, stage)
      if (!open || !next) throw new MatrixError('M_FORBIDDEN', 'Nothing waits to be confirmed in that way')
      return next.verify(auth, { session: open.session, ip })
    },
    pass: (id, stage, user, note) => {
      const open = find(id)
      if (!open || open.session?.user !== user || !awaits(open, stage)) return false
      open.body ??= open.asked
      open.completed.push(stage)
      if (typeof note === 'string') open.notes.set(stage, note)
      return true
    },
    confirm: async (request) => {
      if (request.flows.length === 0) {
        throw new MatrixError(
          'M_FORBIDDEN',
          'This has to be confirmed, and your account has no way to: set a password, or ask your administrator',
        )
      }
      const auth = own(request.body, 'auth')
      if (auth === undefined || auth === null) throw challenge(begin(request), request.flows)
      if (!isObject(auth)) throw new MatrixError('M_BAD_JSON', '"auth" must be an object')
      const [id, type] = [own(auth, 'session'), own(auth, 'type')]
      if (id !== undefined && typeof id !== 'string')
        throw new MatrixError('M_BAD_JSON', '"auth.session" must be a string')
      if (type !== undefined && typeof type !== 'string')
        throw new MatrixError('M_BAD_JSON', '"auth.type" must be a string')
      const open = id === undefined ? begin(request) : resume(request, id)
      if (type !== undefined && !open.completed.includes(type)) await pass(request, open, type, auth)
      const confirmed = request.flows.some(
        (stages) =>
          stages.length === open.completed.length && stages.every((stage, at) => stage.type === open.completed[at]),
      )
      // Taking it out is what makes it good for one request only.
      if (!confirmed || !mapOf(request.session).delete(open.id)) throw challenge(open, request.flows)
      return open.notes
    },
  }
}
