import type { Command } from './command.ts'

/** Every command, in the order of the help. A new one is a file and a line here. */
export const commands: readonly Command[] = [
  { name: 'start', summary: 'run the homeserver', load: () => import('./start.ts') },
  { name: 'config check', summary: 'say whether a configuration is right, and what it means', load: () => import('./config-check.ts') },
  { name: 'config example', summary: 'print a commented configuration with every setting', load: () => import('./config-example.ts') },
  { name: 'config reference', summary: 'print the reference page of all settings', load: () => import('./config-reference.ts') },
]
