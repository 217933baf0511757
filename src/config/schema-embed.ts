import { isLoopback } from './forms.ts'
import type { Keys } from './setting.ts'

/** An origin as a browser writes it; undefined for anything else, and for what travels unencrypted. */
const parseOrigin = (text: string): string | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || url.origin !== text.replace(/\/$/, '').toLowerCase()) return undefined
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)) ? url.origin : undefined
}

/** Chat inside the pages of another application. */
export const embed = {
  origins: {
    kind: 'list',
    description:
      'The origins of applications that may have the page /_latchkey/embed in a frame, and sign their users in through it. The page answers' +
      ' nobody else. Without any it is not there.',
    of: {
      kind: 'text',
      description: 'An origin.',
      parse: parseOrigin,
      expected: 'an origin such as https://app.example.org, or http://localhost:3000 on this machine',
      fix: (text: string) =>
        text.includes('*')
          ? 'Name each origin: there are no wildcards.'
          : /^https?:\/\/[^/]+\/./.test(text)
            ? 'Leave out what follows the host and the port.'
            : text.startsWith('http:')
              ? 'Use https://: over http:// anybody on the way could sign in as your users.'
              : undefined,
    },
    default: [],
    example: ['https://app.example.org'],
  },
} as const satisfies Keys
