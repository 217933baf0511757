// The driver's command line.
import { parseArgs } from 'node:util'
import type { Issuer } from './issuer.ts'

/** What the driver was asked to do. */
export interface Options {
  /** Base URL of a running homeserver; without it Latchkey is started. */
  url: string | undefined
  /** Shell command that starts the server behind `url`, so that cold start and memory can be measured there too. */
  command: string | undefined
  /** Where accounts come from. */
  jwtSecret: string | undefined
  registrationSecret: string | undefined
  accounts: string | undefined
  /** Names of scenarios, in the order of the list; all of them when empty. */
  scenarios: string[]
  json: string | undefined
  /** Seconds that each step is measured. */
  duration: number
  /** Database of the Latchkey that is started: SQLite in a temporary folder when not given. */
  database: string | undefined
  /** Process and data folder of a server that was not started here. */
  pid: number | undefined
  dataDir: string | undefined
  /** Sizes. */
  sleepers: number[]
  rooms: number
  members: number
  growth: number[]
  /** Signs tokens that the server trusts, where it was started here. */
  issuer?: Issuer
}

const usage = `npm run bench -- [options]
  --url URL                 a running homeserver; without it Latchkey is started on a temporary folder
  --jwt-secret SECRET       accounts by JWT sign-in (HS256)
  --registration-secret S   accounts by /_synapse/admin/v1/register
  --accounts FILE           accounts from a JSON file: [{"user_id","access_token"} or {"user","password"}, …]
  --scenario NAME,…         only these
  --duration SECONDS        length of each measured step (5)
  --json FILE               write the figures there
  --database URL            database of the Latchkey that is started (its default)
  --command COMMAND         with --url: starts that server, which is then restarted where a scenario needs it
  --pid PID, --data-dir DIR with --url: where memory, CPU time and bytes on disk are read
  --sleepers N,…  --rooms N  --members N  --growth N,…   sizes (1000,10000  1000  10000  1000,10000,100000)`

const integers = (text: string): number[] =>
  text.split(',').map((part) => {
    const value = Number(part)
    if (!Number.isInteger(value) || value < 1) throw new Error(`"${part}" is not a positive whole number`)
    return value
  })

function parse(args: string[]): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: {
      url: text,
      command: text,
      'jwt-secret': text,
      'registration-secret': text,
      accounts: text,
      scenario: text,
      json: text,
      duration: text,
      database: text,
      pid: text,
      'data-dir': text,
      sleepers: text,
      rooms: text,
      members: text,
      growth: text,
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) throw new Error('Measures a homeserver through its public API.')
  if (values.url && !values['jwt-secret'] && !values['registration-secret'] && !values.accounts) {
    throw new Error('--url needs one of --jwt-secret, --registration-secret, --accounts')
  }
  if (values.command && !values.url) throw new Error('--command needs --url')
  return {
    url: values.url,
    command: values.command,
    database: values.database,
    json: values.json,
    dataDir: values['data-dir'],
    jwtSecret: values['jwt-secret'],
    registrationSecret: values['registration-secret'],
    accounts: values.accounts,
    pid: values.pid === undefined ? undefined : integers(values.pid)[0],
    scenarios: values.scenario?.split(',') ?? [],
    duration: Number(values.duration ?? 5),
    sleepers: integers(values.sleepers ?? '1000,10000'),
    rooms: integers(values.rooms ?? '1000')[0] ?? 0,
    members: integers(values.members ?? '10000')[0] ?? 0,
    growth: integers(values.growth ?? '1000,10000,100000'),
  }
}

/** Reads the command line. Ends the process, after saying how it is used, when that was asked for or when it makes no sense. */
export function readOptions(args: string[]): Options {
  try {
    return parse(args)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return process.exit(args.includes('--help') || args.includes('-h') ? 0 : 2)
  }
}
