import { UsageError } from '../config/index.ts'

/** A link that a file asks for. */
export interface WantedLink {
  /** Counted from 1. */
  readonly line: number
  readonly name: string
  readonly provider: string
  readonly subject: string
}

const fromJson = (text: string, line: number): WantedLink => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new UsageError(`Line ${line} is not valid JSON.`)
  }
  const { user, provider, subject } = value as Partial<Record<string, unknown>>
  if (typeof user !== 'string' || typeof provider !== 'string' || typeof subject !== 'string') {
    throw new UsageError(`Line ${line} must have "user", "provider" and "subject", each a string.`)
  }
  return { line, name: user, provider, subject }
}

/**
 * Reads a list of links: a line each, as user, provider and subject parted by tabs, or as JSON. Blank lines and those that begin with
 * "#" are passed over.
 * @throws UsageError with the line that cannot be read
 */
export const readLinksFile = (text: string): WantedLink[] =>
  text.split(/\r?\n/).flatMap((content, index): WantedLink[] => {
    const line = index + 1
    if (content.trim() === '' || content.startsWith('#')) return []
    if (content.startsWith('{')) return [fromJson(content, line)]
    const [name, provider, subject, ...more] = content.split('\t')
    if (!name || !provider || !subject || more.length > 0)
      throw new UsageError(`Line ${line} must have user, provider and subject, parted by tabs.`)
    return [{ line, name, provider, subject }]
  })
