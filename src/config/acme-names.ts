import type { Config } from './schema.ts'

/** The names that a certificate by ACME is for. */
export const acmeNames = ({ acme, public_base_url: url, server_name: name }: Config): readonly string[] =>
  acme.names.length > 0 ? acme.names : [url === undefined ? name : new URL(url).hostname]
