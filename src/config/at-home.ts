import { parseListener } from './forms.ts'
import type { Config } from './schema.ts'

/** How this machine is called by itself. */
export const localNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1', '[::1]'])

/** Whether a server is there for trying it out on this very machine: nothing is configured, it has no name, and nobody else reaches it. */
export const isAtHome = ({
  jwt_config: block,
  server_name: name,
  listen,
}: Pick<Config, 'jwt_config' | 'server_name' | 'listen'>): boolean =>
  block.try_out === true &&
  block.enabled &&
  name.replace(/:\d+$/, '') === 'localhost' &&
  listen.every((text) => localNames.has(parseListener(text)?.host ?? ''))
