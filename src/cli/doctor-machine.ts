// What `latchkey doctor` looks at on this machine.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { access, constants, stat, statfs } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { dirname } from 'node:path'
import type { Config } from '../config/index.ts'
import { askControl } from './control.ts'
import type { Diagnosis } from './diagnosis.ts'

const gibi = 1024 ** 3

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

async function folder({ data_dir: path }: Config): Promise<Diagnosis> {
  const about = `data in ${path}`
  try {
    const { mode } = await stat(path)
    await access(path, constants.W_OK)
    if ((mode & 0o077) !== 0)
      return {
        state: 'error',
        about,
        says: 'other accounts of this machine can look into it.',
        cure: `chmod 700 ${path}`,
      }
    return { state: 'ok', about, says: 'this account alone can read and write it.' }
  } catch (error) {
    if (isMissing(error))
      return { state: 'warning', about, says: 'it is not there yet.', cure: 'The first start makes it.' }
    return {
      state: 'error',
      about,
      says: 'this account may not write to it.',
      cure: 'Run this as the account of the server, or chown the folder to it.',
    }
  }
}

async function disk({ data_dir: path }: Config): Promise<Diagnosis> {
  const at = existsSync(path) ? path : dirname(path)
  const { bavail, blocks, bsize } = await statfs(existsSync(at) ? at : '/')
  const free = bavail * bsize
  const says = `${(free / gibi).toFixed(1)} GiB are free.`
  const cure = 'Make room: a full disk refuses every message.'
  if (free < gibi / 4) return { state: 'error', about: 'disk', says, cure }
  return free < 2 * gibi || bavail / blocks < 0.05
    ? { state: 'warning', about: 'disk', says, cure }
    : { state: 'ok', about: 'disk', says }
}

async function signingKey({ signing_key_file: file }: Config, hasDatabase: boolean): Promise<Diagnosis> {
  const about = `signing key ${file}`
  try {
    const { mode } = await stat(file)
    return (mode & 0o077) === 0
      ? { state: 'ok', about, says: 'this account alone can read it.' }
      : {
          state: 'error',
          about,
          says: 'other accounts of this machine can read it, and sign in the name of this server.',
          cure: `chmod 600 ${file}`,
        }
  } catch (error) {
    if (!isMissing(error))
      return { state: 'error', about, says: 'it cannot be read.', cure: 'Run this as the account of the server.' }
    return hasDatabase
      ? {
          state: 'error',
          about,
          says: 'it is not there, and there is a database.',
          cure: 'Put it back from a backup: events that are there are signed by it.',
        }
      : { state: 'warning', about, says: 'it is not there yet.', cure: 'The first start makes it.' }
  }
}

/** Whether somebody takes connections there. */
async function answers(host: string, port: number): Promise<boolean> {
  const socket = createConnection({ host, port, timeout: 5000 })
  socket.on('timeout', () => socket.destroy(new Error('no answer')))
  return once(socket, 'connect')
    .then(
      () => true,
      () => false,
    )
    .finally(() => socket.destroy())
}

async function database({ database: url }: Config): Promise<Diagnosis> {
  if (url.startsWith('sqlite:')) {
    const file = url.slice('sqlite:'.length)
    return existsSync(file)
      ? {
          state: 'ok',
          about: 'database',
          says: `SQLite, ${((await stat(file)).size / 1024 ** 2).toFixed(0)} MiB, ${file}`,
        }
      : { state: 'warning', about: 'database', says: `${file} is not there yet.`, cure: 'The first start makes it.' }
  }
  const { hostname, port } = new URL(url)
  const where = `${hostname || 'localhost'}:${port || '5432'}`
  return (await answers(hostname || 'localhost', Number(port || 5432)))
    ? { state: 'ok', about: 'database', says: `PostgreSQL takes connections on ${where}.` }
    : {
        state: 'error',
        about: 'database',
        says: `PostgreSQL does not answer on ${where}.`,
        cure: 'Start it, or set "database" to where it is.',
      }
}

async function server(config: Config): Promise<Diagnosis> {
  const running = await askControl(config)
  return running
    ? { state: 'ok', about: 'server', says: 'it runs.' }
    : {
        state: 'warning',
        about: 'server',
        says: 'it does not run.',
        cure: 'Start it: latchkey start, or systemctl start latchkey.',
      }
}

/** Looks at data, disk, keys, database and process. */
export async function* lookAtMachine(config: Config): AsyncGenerator<Diagnosis> {
  yield await folder(config)
  yield await disk(config)
  yield await signingKey(
    config,
    config.database.startsWith('sqlite:') && existsSync(config.database.slice('sqlite:'.length)),
  )
  yield await database(config)
  yield await server(config)
}
