import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Config } from '../config/index.ts'
import { type ErrCode, MatrixError } from '../matrix/errors.ts'
import type { Operator } from './operator.ts'

/** Longer paths are not possible for a socket on every system. */
const longestPath = 100
const largestRequest = 64 * 1024

interface Request {
  verb: keyof Operator
  arguments: unknown[]
}
type Answer = { result: unknown } | { errcode: ErrCode; error: string }

const isVerb = (operator: Operator, verb: unknown): verb is keyof Operator =>
  typeof verb === 'string' && Object.hasOwn(operator, verb)

/** Where a running server listens for `latchkey user …`; undefined where it cannot. */
const socketPath = ({ data_dir: folder }: Config): string | undefined => {
  const path = join(folder, 'control.sock')
  return process.platform === 'win32' || Buffer.byteLength(path) > longestPath || !existsSync(folder) ? undefined : path
}

const readRequest = async (socket: Socket): Promise<string> => {
  let size = 0
  const chunks: Buffer[] = []
  // The answer goes out by the same socket, which an ordinary loop would close at its end.
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largestRequest) throw new Error('The request is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

const answerTo = async (operator: Operator, request: string): Promise<Answer> => {
  try {
    // The other end is a command of the same version, run by whoever may read the data: its arguments are of the right types.
    const { verb, arguments: values } = JSON.parse(request) as Request
    if (!isVerb(operator, verb))
      throw new MatrixError('M_UNRECOGNIZED', 'The running server is of another version: restart it')
    return { result: await (operator[verb] as (...values: unknown[]) => Promise<unknown>)(...values) }
  } catch (error) {
    if (error instanceof MatrixError) return { errcode: error.errcode, error: error.message }
    return { errcode: 'M_UNKNOWN', error: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * Lets `latchkey user …` act through the running server, over a socket in `data_dir` that only the account it runs under can open.
 * The server has the data to itself, so that whatever is left of an earlier socket is of one that is gone.
 */
export const serveControl = async (config: Config, operator: Operator): Promise<AsyncDisposable> => {
  const path = socketPath(config)
  if (path === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() }
  rmSync(path, { force: true })
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    readRequest(socket)
      .then((request) => answerTo(operator, request))
      .then(
        (answer) => socket.end(JSON.stringify(answer)),
        () => socket.destroy(),
      )
  })
  // The file is never open to others, not even between being made and being protected.
  const before = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(before)
  }
  await once(server, 'listening')
  return {
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const send = async (path: string, request: Request): Promise<unknown> => {
  const socket = createConnection({ path, allowHalfOpen: true })
  await once(socket, 'connect')
  socket.end(JSON.stringify(request))
  const answer = JSON.parse(await text(socket)) as Answer
  if ('errcode' in answer) throw new MatrixError(answer.errcode, answer.error)
  return answer.result
}

/** Whether somebody listens there. */
const isAlive = async (path: string): Promise<boolean> => {
  const socket = createConnection(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** The operator of the server that runs with this configuration; undefined when none does. */
export const askControl = async (config: Config): Promise<Operator | undefined> => {
  const path = socketPath(config)
  if (path === undefined || !(await isAlive(path))) return undefined
  // Each answer is what the same verb of the server's own operator gave.
  const call =
    (verb: keyof Operator) =>
    (...values: unknown[]) =>
      send(path, { verb, arguments: values }) as Promise<never>
  return {
    create: call('create'),
    password: call('password'),
    deactivate: call('deactivate'),
    list: call('list'),
    outlook: call('outlook'),
    links: call('links'),
    link: call('link'),
    unlink: call('unlink'),
    importLinks: call('importLinks'),
    createToken: call('createToken'),
    listTokens: call('listTokens'),
    revokeToken: call('revokeToken'),
    rotateKeys: call('rotateKeys'),
    revoke: call('revoke'),
    reload: call('reload'),
    notice: call('notice'),
    audit: call('audit'),
  }
}
