// Holds every answer that a test sees against the specification's own schemas, where `../shared/spec` lies beside the checkout.
import { AssertionError } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** One request and its answer. `path` may carry a query; `contentType` is the answer's. */
export interface Exchange {
  method: string
  path: string
  request?: unknown
  status: number
  reply: unknown
  contentType?: string
}

/** The part of spec-check.mjs that is used; it brings no types. */
interface SpecCheck {
  checkExchange: (seen: {
    method: string
    url: string
    status: number
    body: unknown
    contentType?: string
  }) => string[]
}

const file = join(import.meta.dirname, '..', '..', '..', 'shared', 'spec', 'spec-check.mjs')
const specCheck = existsSync(file) ? ((await import(pathToFileURL(file).href)) as SpecCheck) : undefined
if (!specCheck) console.log('answers are not checked against the specification: ../shared/spec is not there')

const excerpt = (value: unknown): string => {
  const text = JSON.stringify(value) ?? ''
  return text.length > 2000 ? `${text.slice(0, 2000)}… (${text.length} characters)` : text
}

/** Throws an AssertionError that lists every fault of the answer; an endpoint outside the specification has none. */
export function assertSpec({ method, path, request, status, reply, contentType }: Exchange): void {
  // What is sent later (MSC4140) has no event id yet, which the specification does not know.
  if (status === 200 && /[?&]org\.matrix\.msc4140\.delay=/.test(path)) return
  const found =
    specCheck?.checkExchange({
      method,
      url: path,
      status,
      body: reply,
      ...(contentType === undefined ? {} : { contentType }),
    }) ?? []
  // No event can be what the schema asks for here: either any object or an event, and not both.
  const contradicts = /\/state\/.*\?.*format=event/.test(path)
  // That an application service does not answer is no failure of this server, and has statuses of its own.
  const isPing = /\/appservice\/[^/]+\/ping$/.test(path) && (status === 502 || status === 504)
  // Nor is it that another server does not, whose name the answer says.
  const says = typeof reply === 'object' && reply !== null && 'error' in reply ? String(reply.error) : ''
  const isElsewhere = (status === 502 || status === 504) && /^[^ ]+\.[^ ]+ (could not be|did not) /.test(says)
  const faults = found.filter(
    (fault) =>
      (!contradicts || !fault.includes('exactly one schema in oneOf')) &&
      !((isPing || isElsewhere) && fault === `server error ${status}`),
  )
  if (faults.length === 0) return
  throw new AssertionError({
    message: [
      `${method} ${path} -> ${status} is not what the specification says:`,
      ...faults.map((fault) => `  ${fault}`),
      ...(request === undefined ? [] : [`request: ${excerpt(request)}`]),
      `reply: ${excerpt(reply)}`,
    ].join('\n'),
    actual: faults,
    expected: [],
  })
}
