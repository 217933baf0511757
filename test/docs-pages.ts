// The pages of the documentation as the tests read them: their headings, links and fenced blocks.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

export const root = join(import.meta.dirname, '..')

/** A fenced block: "```sh run needs=php" has the language `sh` and the words `run` and `needs=php`. */
export interface Block {
  language: string
  words: string[]
  text: string
  line: number
}

/** One Markdown file. `path` is relative to the checkout. */
export interface Page {
  path: string
  text: string
  headings: string[]
  links: { target: string; line: number }[]
  blocks: Block[]
}

const fence = /^( *)```(\S*)(.*)\n([\s\S]*?)^\1```$/gm
const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length

/** The anchor that GitHub makes of a heading. */
const slug = (heading: string): string =>
  heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-')

/** Takes a Markdown file apart. */
export function parsePage(path: string, text: string): Page {
  const blocks = [...text.matchAll(fence)].map(
    ({ index, 1: indent = '', 2: language = '', 3: words = '', 4: body = '' }) => ({
      language,
      words: words.trim().split(/\s+/).filter(Boolean),
      line: lineOf(text, index),
      text: body
        .split('\n')
        .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
        .join('\n'),
    }),
  )
  // What stands in a block is no heading and no link; its lines stay, so that numbers of lines are right.
  const prose = text
    .replaceAll(fence, (block) => block.replaceAll(/[^\n]/g, ''))
    .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ' '))
  const counts = new Map<string, number>()
  const headings = [...prose.matchAll(/^#{1,6} +(.+?) *$/gm)].map(({ 1: heading = '' }) => {
    const anchor = slug(heading)
    const before = counts.get(anchor) ?? 0
    counts.set(anchor, before + 1)
    return before === 0 ? anchor : `${anchor}-${before}`
  })
  const links = [...prose.matchAll(/\]\(([^()\s]+)(?: "[^"]*")?\)|<(?:img|a) [^>]*?(?:src|href)="([^"]+)"/g)].map(
    (match) => ({ target: match[1] ?? match[2] ?? '', line: lineOf(prose, match.index) }),
  )
  return { path, text, headings, links, blocks }
}

/** Every page: what lies beside the README, and all below docs/. */
export function readPages(): Page[] {
  const beside = readdirSync(root).filter((name) => name.endsWith('.md'))
  const below = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name))
  return [...beside, ...below]
    .sort()
    .map((path) => parsePage(relative(root, join(root, path)), readFileSync(join(root, path), 'utf8')))
}
