import type { Outgoing, OutgoingReply } from '../http/index.ts'
import { own, parseStrict, type Json } from '../matrix/json.ts'
import type { Service } from './services.ts'

/** What an application service is asked. */
export interface Question {
  readonly method: 'GET' | 'PUT' | 'POST'
  /** Below `/_matrix/app/v1`, such as `/users/@bob:example.org`, percent-encoded. */
  readonly path: string
  /** Its name before there were versions, as a whole path; left out where it had none. */
  readonly legacyPath?: string
  readonly body?: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly text: string
  /** Undefined when it is not JSON. */
  readonly json: Json | undefined
}

/** Asks application services. @throws OutgoingError when there is no answer */
export type Ask = (service: Service & { readonly url: string }, question: Question) => Promise<Answer>

/** So long one that knows only the old paths is asked by these first; it may have been updated meanwhile. */
const legacyForMs = 60 * 60_000
const largestAnswer = 1024 * 1024

const answerOf = ({ status, body }: OutgoingReply): Answer => {
  const text = body.toString()
  try {
    return { status, text, json: parseStrict(text) }
  } catch {
    return { status, text, json: undefined }
  }
}

const isTaken = ({ status }: Answer): boolean => status >= 200 && status < 300

/** Whether the path is not known there. What predates versioned paths predates error codes for that, too. */
const isUnknownPath = ({ status, json }: Answer): boolean => {
  const code = own(json, 'errcode')
  return (status === 404 || status === 405) && (typeof code !== 'string' || code === 'M_UNRECOGNIZED')
}

/** @see https://spec.matrix.org/v1.19/application-service-api/#legacy-routes */
export function openClient(outgoing: Outgoing, now: () => number): Ask {
  const legacyUntil = new Map<string, number>()
  return async (service, { method, path, legacyPath, body, timeoutMs, signal }) => {
    const ask = async (below: string): Promise<Answer> =>
      answerOf(
        await outgoing(`${service.url}${below}`, {
          method,
          timeoutMs,
          configured: true,
          maxBytes: largestAnswer,
          ...(signal && { signal }),
          ...(body !== undefined && { body }),
          headers: {
            authorization: `Bearer ${service.hsToken}`,
            ...(body !== undefined && { 'content-type': 'application/json' }),
          },
        }),
      )
    const versioned = `/_matrix/app/v1${path}`
    if (legacyPath === undefined) return ask(versioned)
    const isLegacy = (legacyUntil.get(service.id) ?? 0) > now()
    const first = await ask(isLegacy ? legacyPath : versioned)
    if (!isUnknownPath(first)) return first
    const second = await ask(isLegacy ? versioned : legacyPath)
    if (!isTaken(second)) return first
    if (isLegacy) legacyUntil.delete(service.id)
    else legacyUntil.set(service.id, now() + legacyForMs)
    return second
  }
}
