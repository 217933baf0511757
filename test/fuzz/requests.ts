// One request out of chance: what is asked, by whom, in which form, and how its connection behaves.
import type { Operation } from './operations.ts'
import { bend, brokenBody, nastyText } from './nasty.ts'
import { contents, eventTypes, formFields, templates } from './templates.ts'
import { textFor, valueFor, type Making } from './values.ts'

/** Who asks: by the token, or the cookie, of the world. */
export const askers = ['alice', 'bob', 'admin', 'guest', 'bridge', 'scim', 'nobody', 'garbage'] as const
export type Asker = (typeof askers)[number]

/** What becomes of the connection. */
export const manners = [
  'whole', // asked and answered
  'chunked', // the body comes in pieces
  'half head', // hangs up within the head
  'half body', // hangs up within the body
  'silent', // sends half of the body and nothing more, for a while
  'hang up', // hangs up once all is sent
  'first bytes', // hangs up at the first bytes of the answer
  'unread', // asks, and reads nothing, for a while
  'pipelined', // asks twice at once
  'wrong length', // says that the body is shorter than it is
] as const
export type Manner = (typeof manners)[number]

export interface FuzzRequest {
  readonly operation: Operation
  readonly asker: Asker
  readonly manner: Manner
  readonly target: string
  readonly type: string
  readonly body: Buffer | undefined
}

const types = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'Multipart/Form-Data',
  'application/xml',
  'image/png',
  'application/json; charset=utf-16',
  'nonsense',
  '',
] as const

const segment = (making: Making, text: string): string => {
  // Some come unescaped, as far as a request line can hold them.
  if (making.random.chance(3)) return text.replace(/[^\x21-\x7e]/gu, '')
  return encodeURIComponent(text.toWellFormed())
}

const parameter = (making: Making, name: string): string => {
  const { random } = making
  if (name === 'serverName') return random.chance(85) ? 'test' : random.pick(['elsewhere.test', nastyText(random)])
  if (name === 'provider') return random.pick(['idp', 'cas', 'saml', 'idp', 'none'])
  if (/^(type|eventType)$/.test(name) && random.chance(75)) return random.pick(eventTypes)
  if (name === 'stateKey' && random.chance(40)) return ''
  if (name === 'kind') return random.pick(['override', 'underride', 'sender', 'room', 'content', 'x'])
  if (name === 'scope') return random.pick(['global', 'x'])
  if (name === 'receiptType') return random.pick(['m.read', 'm.read.private', 'm.fully_read', 'x'])
  if (name === 'txnId') return `t${random.int(1_000_000)}`
  if (name === 'medium') return random.pick(['email', 'msisdn'])
  return textFor(making, name)
}

function targetOf(making: Making, operation: Operation): string {
  const { random } = making
  let type = ''
  const path = operation.path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const text = parameter(making, name)
    if (/^(type|eventType)$/.test(name)) type = text
    return segment(
      making,
      name === 'stateKey' && type === 'm.room.member' && random.chance(70) ? textFor(making, 'userId') : text,
    )
  })
  const pairs: string[] = []
  const add = (name: string, value: unknown): void => {
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value])
      pairs.push(
        `${segment(making, name)}=${segment(making, typeof one === 'string' ? one : (JSON.stringify(one) ?? ''))}`,
      )
  }
  for (const [name, schema] of Object.entries(operation.query)) {
    // What waits for something that is to come is asked to wait for less.
    if (!random.chance(name === 'timeout_ms' ? 98 : 50)) continue
    if (name.startsWith('timeout')) add(name, random.pick([0, 0, 0, 10, 100, -1, 1e21]))
    else if (name === 'dir') add(name, random.pick(['b', 'f', 'x']))
    else add(name, random.chance(8) ? nastyText(random) : valueFor(making, schema, name))
  }
  if (Object.keys(operation.query).length === 0 && random.chance(operation.path.startsWith('/_matrix') ? 5 : 60))
    for (let left = random.int(4); left > 0; left--)
      add(random.pick(formFields), textFor(making, random.pick(formFields)))
  return pairs.length > 0 ? `${path}?${pairs.join('&')}` : path
}

/** The content of an event where the path names its type. */
const contentFor = (making: Making, target: string): unknown => {
  const type = decodeURIComponent(/\/(?:send|state)\/([^/?]+)/.exec(target)?.[1] ?? '')
  return contents[eventTypes.includes(type) ? type : 'm.room.message']?.(making)
}

function jsonFor(making: Making, operation: Operation, target: string): unknown {
  const { random } = making
  const template =
    templates[operation.id] ??
    (/^(sendMessage|setRoomState)/.test(operation.id) ? () => contentFor(making, target) : undefined)
  if (template && (operation.bodies.length === 0 || random.chance(65))) return template(making)
  return operation.bodies.length > 0 ? valueFor(making, random.pick(operation.bodies), operation.id) : {}
}

const formFor = (making: Making, formToken: string | undefined): string => {
  const form = new URLSearchParams()
  if (formToken !== undefined && making.random.chance(85)) form.set('token', formToken)
  for (let left = making.random.int(8); left > 0; left--) {
    const name = making.random.pick(formFields)
    if (name !== 'token' || making.random.chance(10)) form.append(name, textFor(making, name).toWellFormed())
  }
  return form.toString()
}

const isForm = ({ raw, path }: Operation): boolean => raw && !/scim|upload|rendezvous|oauth2\/register/.test(path)

function bodyFor(
  making: Making,
  operation: Operation,
  target: string,
  formToken: string | undefined,
): Buffer | undefined {
  const { random } = making
  if (operation.method === 'GET') return random.chance(97) ? undefined : brokenBody(random)
  if (random.chance(4)) return brokenBody(random)
  if (isForm(operation)) return Buffer.from(formFor(making, formToken))
  if (/upload\b/.test(operation.path) && operation.raw) return Buffer.alloc(random.int(5000), random.int(256))
  let json = jsonFor(making, operation, target)
  for (let times = random.pick([0, 0, 1, 1, 2]); times > 0; times--) json = bend(random, json)
  return Buffer.from(JSON.stringify(json) ?? '')
}

const askerFor = ({ random }: Making, { path, auth }: Operation): Asker => {
  if (random.chance(4)) return random.pick(askers)
  if (path.includes('/scim/')) return 'scim'
  if (path.includes('/admin')) return random.chance(85) ? 'admin' : 'alice'
  if (auth === 'none' && random.chance(30)) return 'nobody'
  return random.pick(['alice', 'alice', 'alice', 'bob', 'admin', 'guest', 'bridge'])
}

/** What ends sessions and accounts, and what only other servers may ask: seldom, or little else would come to anything. */
const isRare = ({ id, path, auth }: Operation): boolean =>
  auth === 'server' ||
  /logout|deactivate|sign-?out|account\/password|delete_devices|reset_password|suspend|lock/i.test(id + path)

/** Makes one request. `formToken` is what pages want to see in their forms. */
export function makeRequest(
  making: Making,
  operations: readonly Operation[],
  formToken: string | undefined,
): FuzzRequest {
  const { random } = making
  let operation = random.pick(operations)
  if (isRare(operation) && !random.chance(8)) operation = random.pick(operations)
  const target = targetOf(making, operation)
  const body = bodyFor(making, operation, target, formToken)
  const usual = isForm(operation) ? 'application/x-www-form-urlencoded' : 'application/json'
  return {
    operation,
    asker: askerFor(making, operation),
    manner: random.chance(70) ? 'whole' : random.pick(manners),
    target,
    type: random.chance(93) ? usual : random.pick(types),
    body,
  }
}

/** The request as whoever mends what it broke can read it, and ask it again. */
export const describe = ({ operation, asker, manner, target, type, body }: FuzzRequest): string =>
  `${operation.method} ${target.slice(0, 1000)} (${operation.id}, by ${asker}, ${manner}${type === 'application/json' ? '' : `, ${type}`})${
    body ? ` ${JSON.stringify(body.toString('latin1')).slice(0, 3000)}` : ''
  }`
