import type { Page } from './page.ts'
import { readPage } from './page.ts'

/** What is shown of a page, before its picture is fetched. */
export interface Card {
  /** By the names of OpenGraph. */
  readonly values: Readonly<Record<string, string>>
  /** Where its picture is. */
  readonly image: URL | undefined
}

const longest = 1000

/** Text for people to read: one line, no control characters, not endless. Undefined when nothing is left. */
export function tidy(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined
  const line = text
    .slice(0, longest * 4)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zs}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
  if (line === '') return undefined
  return line.length > longest ? `${line.slice(0, longest - 1).toWellFormed()}…` : line
}

/** A web address, from wherever it is written; undefined for anything else. */
export function webAddress(text: unknown, base: URL): URL | undefined {
  const url = typeof text === 'string' && text !== '' && text.length <= 8192 ? URL.parse(text.trim(), base) : null
  return url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' ? url : undefined
}

const defined = (values: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined))

/** Where relative addresses of a page start from. */
export const baseOf = (page: Page, url: URL): URL => webAddress(page.base, url) ?? url

/**
 * What a page says of itself: by OpenGraph, else by what other readers of its head go by, else by its text. Only what is text for
 * people is passed on: what a client would fetch by itself would tell strangers its address.
 * @see https://ogp.me/
 */
export function cardOf(page: Page, url: URL): Card {
  const first = (...names: string[]): string | undefined =>
    names.map((name) => tidy(page.meta.get(name))).find((value) => value !== undefined)
  const base = baseOf(page, url)
  const pictures = ['og:image:secure_url', 'og:image', 'og:image:url', 'twitter:image', 'twitter:image:src'].map(
    (name) => page.meta.get(name),
  )
  return {
    values: defined({
      'og:title': first('og:title', 'twitter:title') ?? tidy(page.title),
      'og:description': first('og:description', 'twitter:description', 'description') ?? tidy(page.text),
      'og:site_name': first('og:site_name', 'application-name'),
      'og:type': first('og:type'),
      'og:locale': first('og:locale'),
      'og:url': webAddress(page.meta.get('og:url'), base)?.href,
      'og:image:alt': first('og:image:alt', 'twitter:image:alt'),
    }),
    image: [...pictures, page.image]
      .map((picture) => webAddress(picture, base))
      .find((picture) => picture !== undefined),
  }
}

/**
 * Fills what a card lacks from an oEmbed description.
 * @see https://oembed.com/#section2.3
 */
export function withOembed(card: Card, text: string, url: URL): Card {
  let data: Readonly<Record<string, unknown>>
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null) return card
    data = parsed as Record<string, unknown> // every value of it is looked at before it is used
  } catch {
    return card
  }
  const { type, title, author_name: author, provider_name: site, html, thumbnail_url: thumbnail, url: photo } = data
  return {
    values: {
      ...defined({
        'og:title': tidy(title) ?? tidy(author),
        'og:site_name': tidy(site),
        'og:description':
          type === 'rich' && typeof html === 'string' ? tidy(readPage(html.slice(0, 100_000)).text) : undefined,
      }),
      ...card.values,
    },
    image: card.image ?? webAddress(thumbnail, url) ?? (type === 'photo' ? webAddress(photo, url) : undefined),
  }
}
