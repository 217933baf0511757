import { decodeEntities } from './entities.ts'

/** What the head of a page says of it, and how its text begins. */
export interface Page {
  readonly title: string | undefined
  /** The first value of each `<meta>`, by `property` or `name` in lower case. */
  readonly meta: ReadonlyMap<string, string>
  /** Where the page's oEmbed description is, as it stands there. */
  readonly oembed: string | undefined
  /** `<link rel="image_src">`. */
  readonly image: string | undefined
  /** What relative addresses start from, as it stands there. */
  readonly base: string | undefined
  /** The beginning of its paragraphs. */
  readonly text: string
}

const mostTags = 20_000
const enoughText = 400
const longestValue = 8192

/** What holds text that is not markup. */
const raw = new Set(['script', 'style', 'textarea', 'title', 'xmp', 'iframe', 'noembed', 'noframes'])
/** What holds text that is not the page's own. */
const aside = new Set([
  'nav',
  'header',
  'footer',
  'aside',
  'svg',
  'math',
  'template',
  'noscript',
  'object',
  'select',
  'button',
  'form',
  'figure',
  'table',
])
/** What ends a paragraph that nobody has closed. */
const blocks = new Set([
  'p',
  'div',
  'section',
  'article',
  'main',
  'ul',
  'ol',
  'li',
  'dl',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'pre',
  'blockquote',
  'hr',
  'body',
])

const tagName = /[a-z][^\s/>]*/iy
const betweenAttributes = /[\s/]*/y
const blanks = /\s*/y
const attributeName = /=?[^\s/>=]*/y
const bareValue = /[^\s>]*/y

interface Tag {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly end: number
}

const read = new Set(['meta', 'link', 'base'])

/** What stands at `from`, and where it ends. None of these patterns ever has to try again from further back. */
function take(pattern: RegExp, html: string, from: number): [text: string, end: number] {
  pattern.lastIndex = from
  const text = pattern.exec(html)?.[0] ?? ''
  return [text, from + text.length]
}

/** Reads the value of an attribute that begins at `from`; undefined when its quote is never closed. */
function attributeValue(html: string, from: number): [value: string, end: number] | undefined {
  const quote = html[from]
  if (quote !== '"' && quote !== "'") return take(bareValue, html, from)
  const end = html.indexOf(quote, from + 1)
  return end < 0 ? undefined : [html.slice(from + 1, end), end + 1]
}

/** Reads a start tag whose name begins at `from`; undefined where there is none, or where it never ends. */
function startTag(html: string, from: number): Tag | undefined {
  const [written, afterName] = take(tagName, html, from)
  const name = written.toLowerCase()
  const attributes = new Map<string, string>()
  const wanted = read.has(name)
  let [, at] = take(betweenAttributes, html, afterName)
  while (at < html.length && html[at] !== '>') {
    const [key, afterKey] = take(attributeName, html, at)
    const [, sign] = take(blanks, html, afterKey)
    const value = html[sign] === '=' ? attributeValue(html, take(blanks, html, sign + 1)[1]) : (['', sign] as const)
    if (!value) return undefined
    const known = key.toLowerCase()
    if (wanted && attributes.size < 20 && !attributes.has(known))
      attributes.set(known, decodeEntities(value[0].slice(0, longestValue)))
    ;[, at] = take(betweenAttributes, html, value[1])
  }
  return at >= html.length ? undefined : { name, attributes, end: at + 1 }
}

interface Draft extends Page {
  title: string | undefined
  readonly meta: Map<string, string>
  oembed: string | undefined
  image: string | undefined
  base: string | undefined
  text: string
}

function addMeta({ meta }: Draft, attributes: ReadonlyMap<string, string>): void {
  const content = attributes.get('content')
  if (content === undefined) return
  for (const key of [attributes.get('property'), attributes.get('name')]) {
    // A property may carry several names, parted by blanks.
    for (const name of (key ?? '').toLowerCase().split(/\s+/, 5))
      if (name !== '' && !meta.has(name)) meta.set(name, content)
  }
}

function addLink(page: Draft, attributes: ReadonlyMap<string, string>): void {
  const rel = (attributes.get('rel') ?? '').toLowerCase().split(/\s+/)
  if (rel.includes('alternate') && attributes.get('type')?.trim().toLowerCase() === 'application/json+oembed')
    page.oembed ??= attributes.get('href')
  if (rel.includes('image_src')) page.image ??= attributes.get('href')
}

/** Gathers what the tags of a page say, and the text between them. */
function gatherInto(page: Draft): {
  open: (tag: Tag) => void
  close: (name: string) => void
  add: (text: string) => void
} {
  let asides = 0
  let paragraph = false
  const add = (text: string): void => {
    if (paragraph && asides === 0 && page.text.length < enoughText) page.text += decodeEntities(text.slice(0, 2000))
  }
  const block = (opensParagraph: boolean): void => {
    add(' ')
    paragraph = opensParagraph
  }
  return {
    add,
    open: ({ name, attributes }) => {
      if (aside.has(name)) asides++
      if (blocks.has(name)) block(name === 'p')
      if (name === 'meta') addMeta(page, attributes)
      else if (name === 'link') addLink(page, attributes)
      else if (name === 'base') page.base ??= attributes.get('href')
      else if (name === 'br') add(' ')
    },
    close: (name) => {
      if (aside.has(name) && asides > 0) asides--
      if (blocks.has(name)) block(false)
    },
  }
}

/**
 * Reads a page in one pass from the left to the right. Nothing is nested, so nothing can be too deep; what never ends is not looked
 * at, so no stretch is searched again and again.
 */
export function readPage(html: string): Page {
  const page: Draft = {
    title: undefined,
    meta: new Map(),
    oembed: undefined,
    image: undefined,
    base: undefined,
    text: '',
  }
  const tags = gatherInto(page)
  const lower = html.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
  let at = 0
  for (let count = 0; count < mostTags; count++) {
    const open = html.indexOf('<', at)
    tags.add(html.slice(at, open < 0 ? undefined : open))
    if (open < 0) break
    const next = html[open + 1]
    if (next === '!' || next === '?' || next === '/') {
      const comment = html.startsWith('<!--', open)
      const end = html.indexOf(comment ? '-->' : '>', open + 2)
      if (end < 0) break
      if (next === '/') tags.close(lower.slice(open + 2, Math.min(end, open + 30)).trim())
      at = end + (comment ? 3 : 1)
      continue
    }
    tagName.lastIndex = open + 1
    if (!tagName.test(html)) {
      tags.add('<')
      at = open + 1
      continue
    }
    const tag = startTag(html, open + 1)
    if (!tag) break
    tags.open(tag)
    at = tag.end
    if (!raw.has(tag.name)) continue
    const end = lower.indexOf(`</${tag.name}`, at)
    if (end < 0) break
    // An image of SVG has titles of its own.
    if (tag.name === 'title') page.title ??= decodeEntities(html.slice(at, end).slice(0, longestValue))
    at = end
  }
  return page
}
