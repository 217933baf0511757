const markup: unique symbol = Symbol('markup')

/** Markup that is safe to send. Only {@link html} makes it, so that no text gets into a page unescaped. */
export interface Html {
  readonly [markup]: string
}

/** What may stand in a template: text is escaped, markup is not, lists are joined, and nothing is left out. */
export type Content = string | number | Html | undefined | false | readonly Content[]

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const render = (content: Content): string => {
  if (content === undefined || content === false) return ''
  if (typeof content === 'number') return String(content)
  if (typeof content === 'string') return content.replaceAll(/[&<>"']/g, (letter) => escapes[letter] ?? '')
  return markup in content ? content[markup] : content.map(render).join('')
}

/** A piece of a page. Attribute values go in quotes; an address has to be looked at before it is put into one. */
export const html = (strings: TemplateStringsArray, ...values: readonly Content[]): Html => ({
  [markup]: strings.map((text, index) => text + render(values[index])).join(''),
})

/** The text of a page, to be sent. */
export const textOf = (page: Html): string => page[markup]
