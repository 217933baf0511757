import type { Keys } from './setting.ts'

const parseSmtp = (text: string): string | undefined => {
  const url = URL.parse(text)
  return url &&
    /^smtps?:$/.test(url.protocol) &&
    url.hostname !== '' &&
    (url.pathname === '' || url.pathname === '/') &&
    !url.search &&
    !url.hash
    ? text
    : undefined
}

const redactSmtp = (text: string): string => text.replace(/\/\/[^/]*@/, '//hidden@')

/** How mail is sent. */
export const email = {
  smtp: {
    kind: 'text',
    description:
      'The mail server, as smtps://USER:PASSWORD@HOST:465 or smtp://USER:PASSWORD@HOST:587 (which must then offer STARTTLS). Characters such' +
      ' as @ : / # in a password must be percent-encoded.',
    secret: true,
    redact: redactSmtp,
    parse: parseSmtp,
    expected: 'an address such as smtps://user:password@mail.example.org:465',
    example: 'smtps://user:password@mail.example.org:465',
  },
  allow_plain: {
    kind: 'boolean',
    description:
      'Whether mail may be handed to a server that offers no encryption: for one on the same machine or in the same private network.',
    default: false,
  },
  from: {
    kind: 'text',
    description: 'The mail address that mail comes from.',
    parse: (text: string) => (/^[^\s@<>]+@[^\s@<>]+$/.test(text) ? text : undefined),
    expected: 'a mail address such as matrix@example.org',
    example: 'matrix@example.org',
  },
  required_for_registration: {
    kind: 'boolean',
    description: 'Whether people must prove a mail address to make an account with a password. If not, they can.',
    default: false,
  },
} as const satisfies Keys
