import type { Keys } from './setting.ts'

/** The certificate of listeners that encrypt by themselves. */
export const tls = {
  certificate_file: {
    kind: 'path',
    description: 'A PEM file with the certificate, and those between it and its authority behind it.',
    example: '/etc/letsencrypt/live/example.org/fullchain.pem',
  },
  key_file: {
    kind: 'path',
    description: 'A PEM file with the private key.',
    example: '/etc/letsencrypt/live/example.org/privkey.pem',
  },
} as const satisfies Keys
