import { SaxesParser } from 'saxes'
import { Problem } from '../problem.ts'

/** What a CAS server says of a ticket. */
export interface CasAnswer {
  readonly user: string
  /** One value as text, several as a list. */
  readonly attributes: Readonly<Record<string, string | string[]>>
}

const namespace = 'http://www.yale.edu/tp/cas'
const mostDepth = 10
const mostElements = 1000

const failed = (message: string): Problem => new Problem('provider_failed', message)

interface Read {
  path: string
  text: string
  inner: boolean
}

/** Every element in the order in which it ends, with its path from the root, and the code of a failure. */
const elementsOf = (xml: string): { elements: Read[]; code: string | undefined } => {
  const parser = new SaxesParser({ xmlns: true })
  const elements: Read[] = []
  const open: Read[] = []
  let code: string | undefined
  let seen = 0
  parser.on('error', (error) => {
    throw failed(`The CAS server's answer is not XML: ${error.message}`)
  })
  parser.on('doctype', () => {
    throw failed("The CAS server's answer has a document type, which nobody needs")
  })
  parser.on('opentag', ({ local, uri, attributes }) => {
    const parent = open.at(-1)
    if (parent) parent.inner = true
    seen += 1
    if (open.length >= mostDepth || seen > mostElements) throw failed("The CAS server's answer is too large")
    // An element of another vocabulary is nobody's, whatever its name is.
    open.push({
      path: `${parent?.path ?? ''}/${uri === namespace ? local : `{${uri}}${local}`}`,
      text: '',
      inner: false,
    })
    if (open.at(-1)?.path === '/serviceResponse/authenticationFailure') code = attributes['code']?.value ?? 'UNKNOWN'
  })
  const add = (text: string): void => {
    const element = open.at(-1)
    if (element) element.text += text
  }
  parser.on('text', add)
  parser.on('cdata', add)
  parser.on('closetag', () => {
    const element = open.pop()
    if (element) elements.push(element)
  })
  parser.write(xml).close()
  return { elements, code }
}

/**
 * Reads the answer to a question about a ticket.
 * @throws Problem for a ticket that is not good, and for what is no answer
 * @see https://apereo.github.io/cas/7.2.x/protocol/CAS-Protocol-Specification.html#252-response
 */
export const readCasAnswer = (xml: string): CasAnswer => {
  const { elements, code } = elementsOf(xml)
  if (code !== undefined) throw failed(`The CAS server refused the ticket: ${code.slice(0, 64)}`)
  const success = '/serviceResponse/authenticationSuccess'
  const [user, ...more] = elements.filter(({ path }) => path === `${success}/user`)
  const name = user?.text.trim() ?? ''
  if (!user || more.length > 0 || user.inner || name === '') throw failed('The CAS server names nobody')
  const attributes = new Map<string, string[]>()
  for (const { path, text, inner } of elements) {
    const key = path.startsWith(`${success}/attributes/`) ? path.slice(`${success}/attributes/`.length) : ''
    if (key === '' || key.includes('/') || inner) continue
    attributes.set(key, [...(attributes.get(key) ?? []), text.trim()])
  }
  // Without a prototype, so that no name of an attribute means anything but itself.
  const record = Object.create(null) as Record<string, string | string[]>
  for (const [key, values] of attributes) record[key] = values.length === 1 ? (values[0] ?? '') : values
  return { user: name, attributes: record }
}
