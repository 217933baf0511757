import { parseBaseUrl } from './forms.ts'
import { buttonKeys, peopleKeys, providerKeys } from './schema-identity.ts'
import type { Keys } from './setting.ts'

/** A provider that speaks the CAS protocol, to which people are sent with their browser. */
export const casProvider = {
  ...providerKeys,
  ...buttonKeys,
  url: {
    kind: 'text',
    description:
      'The address of the CAS server, in front of /login. There, allow the service PUBLIC_BASE_URL/_latchkey/sso/ID/callback with whatever query.',
    required: true,
    parse: parseBaseUrl,
    expected: 'an address such as https://login.example.org/cas',
    example: 'https://login.example.org/cas',
  },
  protocol: {
    kind: 'choice',
    description:
      'The version of the protocol. Version 2 tells the user name alone, version 3 other attributes too, for rules and mapping.',
    values: ['2', '3'],
    default: '3',
  },
  ...peopleKeys,
} as const satisfies Keys
