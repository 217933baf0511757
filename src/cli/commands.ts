import type { Command } from './command.ts'

/** Every command, in the order of the help. A new one is a file and a line here. */
export const commands: readonly Command[] = [
  { name: 'start', summary: 'run the homeserver', load: () => import('./start.ts') },
  {
    name: 'reload',
    summary: 'have the running server take a new configuration',
    load: () => import('./reload.ts'),
  },
  { name: 'health', summary: 'say whether the running server is well', load: () => import('./health.ts') },
  { name: 'doctor', summary: 'look for what is wrong, and say what to do about it', load: () => import('./doctor.ts') },
  {
    name: 'backup',
    summary: 'copy database, keys and files, while the server runs',
    load: () => import('./backup.ts'),
  },
  { name: 'restore', summary: 'put a backup in its place', load: () => import('./restore.ts') },
  {
    name: 'migrate-database',
    summary: 'copy an SQLite database to PostgreSQL',
    load: () => import('./migrate-database.ts'),
  },
  {
    name: 'database vacuum',
    summary: 'give back the room that deleted things have left',
    load: () => import('./database-vacuum.ts'),
  },
  {
    name: 'import synapse',
    summary: 'take over everything from a Synapse',
    load: () => import('./import-synapse.ts'),
  },
  {
    name: 'config check',
    summary: 'say whether a configuration is right, and what it means',
    load: () => import('./config-check.ts'),
  },
  {
    name: 'config example',
    summary: 'print a commented configuration with every setting',
    load: () => import('./config-example.ts'),
  },
  {
    name: 'config reference',
    summary: 'print the reference page of all settings',
    load: () => import('./config-reference.ts'),
  },
  {
    name: 'audit list',
    summary: 'list what administrators have done',
    load: () => import('./audit-list.ts'),
  },
  { name: 'user create', summary: 'make an account', load: () => import('./user-create.ts') },
  { name: 'user password', summary: 'set a new password', load: () => import('./user-password.ts') },
  { name: 'user deactivate', summary: 'end an account for good', load: () => import('./user-deactivate.ts') },
  { name: 'user list', summary: 'list the accounts', load: () => import('./user-list.ts') },
  {
    name: 'user notice',
    summary: 'say something to a user in the name of the server',
    load: () => import('./user-notice.ts'),
  },
  {
    name: 'user links',
    summary: 'list who a user is at the identity providers',
    load: () => import('./user-links.ts'),
  },
  {
    name: 'user link',
    summary: 'link somebody of an identity provider to an account, or many from a file',
    load: () => import('./user-link.ts'),
  },
  { name: 'user unlink', summary: 'take such a link away', load: () => import('./user-unlink.ts') },
  { name: 'auth sign', summary: 'print a token to sign in with, for trying out', load: () => import('./auth-sign.ts') },
  {
    name: 'auth explain',
    summary: 'say what the server makes of a token, and why',
    load: () => import('./auth-explain.ts'),
  },
  {
    name: 'auth revoke',
    summary: 'end tokens of an identity provider that are access tokens',
    load: () => import('./auth-revoke.ts'),
  },
  {
    name: 'key rotate',
    summary: 'give the server a new key to sign with',
    load: () => import('./key-rotate.ts'),
  },
  {
    name: 'token create',
    summary: 'make an access token for a bot or script',
    load: () => import('./token-create.ts'),
  },
  {
    name: 'token list',
    summary: 'list the access tokens that were made like that',
    load: () => import('./token-list.ts'),
  },
  { name: 'token revoke', summary: 'end such an access token', load: () => import('./token-revoke.ts') },
  {
    name: 'oauth rotate-keys',
    summary: 'take new keys into use that ID tokens are signed with',
    load: () => import('./oauth-rotate-keys.ts'),
  },
]
