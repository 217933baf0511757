import { SaxesParser } from 'saxes'
import { Problem } from '../problem.ts'

/** An element, with what stands in it. */
export interface Element {
  /** The name with its namespace, as `{urn:x}Name`. */
  readonly name: string
  /** Those without a namespace. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly Element[]
  /** The text that stands directly in it. */
  readonly text: string
}

interface Open {
  name: string
  attributes: Map<string, string>
  children: Element[]
  text: string
}

interface Limits {
  readonly depth: number
  readonly elements: number
  /** Declarations of namespaces among them. */
  readonly attributes: number
  readonly namespaces: number
}

/** What operators name: metadata of a federation have thousands of providers. */
const largeLimits: Limits = { depth: 40, elements: 20_000, attributes: 100_000, namespaces: 20_000 }
/**
 * What anybody may send, signed by any key. Each signature has it brought into canonical form, which takes time by the square of the
 * elements: a thousand of them some 50 ms. A person with 500 groups has about 550.
 */
const messageLimits: Limits = { depth: 30, elements: 1000, attributes: 2000, namespaces: 200 }

const failed = (message: string): Problem => new Problem('provider_failed', message)

/**
 * Reads XML as strictly as what names people has to be read: no document type, so that nothing means what stands elsewhere, and where
 * it is `plain`, a message, neither comments nor instructions, which programs disagree upon, and little enough to be looked at by anybody's wish.
 * @throws Problem
 */
export const readXml = (xml: string, options: { what: string; plain: boolean }): Element => {
  const { what, plain } = options
  const parser = new SaxesParser({ xmlns: true })
  const open: Open[] = []
  let root: Element | undefined
  const limits = plain ? messageLimits : largeLimits
  const seen = { elements: 0, attributes: 0, namespaces: 0 }
  parser.on('error', (error) => {
    throw failed(`${what} is not XML: ${error.message}`)
  })
  parser.on('doctype', () => {
    throw failed(`${what} has a document type, which nobody needs`)
  })
  if (plain) {
    parser.on('comment', () => {
      throw failed(`${what} has a comment in it`)
    })
    parser.on('processinginstruction', () => {
      throw failed(`${what} has a processing instruction in it`)
    })
  }
  parser.on('opentag', ({ local, uri, attributes }) => {
    seen.elements += 1
    for (const { prefix, name } of Object.values(attributes)) {
      seen.attributes += 1
      if (prefix === 'xmlns' || name === 'xmlns') seen.namespaces += 1
    }
    const isTooMuch =
      open.length >= limits.depth ||
      seen.elements > limits.elements ||
      seen.attributes > limits.attributes ||
      seen.namespaces > limits.namespaces
    if (isTooMuch) throw failed(`${what} is too large`)
    const own = Object.values(attributes)
      .filter((attribute) => attribute.uri === '')
      .map((attribute): [string, string] => [attribute.local, attribute.value])
    const element: Open = { name: `{${uri}}${local}`, attributes: new Map(own), children: [], text: '' }
    open.at(-1)?.children.push(element)
    open.push(element)
  })
  const add = (text: string): void => {
    const element = open.at(-1)
    if (element) element.text += text
  }
  parser.on('text', add)
  parser.on('cdata', add)
  parser.on('closetag', () => {
    root = open.pop()
  })
  parser.write(xml).close()
  if (!root) throw failed(`${what} is empty`)
  return root
}

/** Every element, the root first. */
export function* everyElement(element: Element): Generator<Element> {
  yield element
  for (const child of element.children) yield* everyElement(child)
}

/** The children of that name. */
export const childrenOf = (element: Element, name: string): Element[] =>
  element.children.filter((child) => child.name === name)

/** The one child of that name; undefined where there is none. @throws Problem for several */
export const childOf = (element: Element, name: string): Element | undefined => {
  const [child, ...more] = childrenOf(element, name)
  if (more.length > 0) throw failed(`There are several of ${name}, where one has to be`)
  return child
}

/** The text of an element that has nothing but text. @throws Problem */
export const textOf = (element: Element): string => {
  if (element.children.length > 0) throw failed(`${element.name} has other elements in it, where text has to be`)
  return element.text.trim()
}

/** A time as SAML writes it, in ms. @throws Problem */
export const timeOf = (text: string): number => {
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,12})?(Z|[+-]\d\d:\d\d)$/.test(text)
    ? Date.parse(text.replace(/(\.\d{3})\d+/, '$1'))
    : Number.NaN
  if (Number.isNaN(time)) throw failed(`"${text.slice(0, 40)}" is not a time`)
  return time
}

/** The names that are asked for. */
export const names = {
  assertion: '{urn:oasis:names:tc:SAML:2.0:assertion}',
  protocol: '{urn:oasis:names:tc:SAML:2.0:protocol}',
  metadata: '{urn:oasis:names:tc:SAML:2.0:metadata}',
  signature: '{http://www.w3.org/2000/09/xmldsig#}',
} as const
