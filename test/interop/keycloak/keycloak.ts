// Keycloak as a process, with the realm of realm.json, and what its administrator does.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../harness/process.ts'

export const admin = { name: 'admin', password: 'the administrator of a test' }
const patienceMs = 300_000

export interface Keycloak extends AsyncDisposable {
  readonly url: string
  readonly issuer: string
  /** Where its programs are. */
  readonly bin: string
  /** Asks its administration, as `GET /users`, below the realm. */
  ask<T = unknown>(method: string, path: string, body?: unknown): Promise<T>
  userId(name: string): Promise<string>
  /** Lets somebody in, or not. */
  enable(name: string, enabled: boolean): Promise<void>
  /** Ends all their sessions, as the button in its console does. */
  signOut(name: string): Promise<void>
  /** An access token of the application `chat-app`, as it gets one with somebody's password. */
  accessToken(name: string): Promise<string>
}

const form = (fields: Record<string, string>): RequestInit => ({ method: 'POST', body: new URLSearchParams(fields) })

/** Starts it in little memory, and gives others the right of way. */
export const openKeycloak = async (folder: string): Promise<Keycloak> => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const args = [
    'start-dev',
    '--http-host=127.0.0.1',
    `--http-port=${port}`,
    '--db=dev-mem',
    '--log-level=warn',
    '--cache=local',
  ]
  const child = spawn('nice', ['-n', '10', join('bin', 'kc.sh'), ...args], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      JAVA_OPTS_KC_HEAP: '-Xms64m -Xmx512m',
      KC_BOOTSTRAP_ADMIN_USERNAME: admin.name,
      KC_BOOTSTRAP_ADMIN_PASSWORD: admin.password,
    },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000)
    })
  const gone = once(child, 'exit')
  const stop = async (): Promise<void> => {
    // Its script starts another process: the whole group goes.
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    await gone
  }
  let token = { value: '', until: 0 }
  const adminToken = async (): Promise<string> => {
    if (token.until > Date.now()) return token.value
    const reply = await fetch(
      `${url}/realms/master/protocol/openid-connect/token`,
      form({ client_id: 'admin-cli', grant_type: 'password', username: admin.name, password: admin.password }),
    )
    const { access_token: value } = (await reply.json()) as { access_token: string }
    token = { value, until: Date.now() + 30_000 }
    return value
  }
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const reply = await fetch(`${url}/admin/realms${path}`, {
      method,
      headers: { authorization: `Bearer ${await adminToken()}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await reply.text()
    assert.ok(reply.ok, `${method} ${path}: ${reply.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  try {
    for (const end = Date.now() + patienceMs; ;) {
      assert.ok(Date.now() < end && child.exitCode === null, `Keycloak does not start: ${said}`)
      const answer = await fetch(`${url}/realms/master`).catch(() => undefined)
      await answer?.body?.cancel()
      if (answer?.ok) break
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
    await call('POST', '', JSON.parse(readFileSync(join(import.meta.dirname, 'realm.json'), 'utf8')))
  } catch (error) {
    await stop()
    throw error
  }
  const self: Keycloak = {
    url,
    issuer: `${url}/realms/main`,
    bin: join(folder, 'bin'),
    ask: (method, path, body) => call(method, `/main${path}`, body),
    userId: async (name) =>
      (await self.ask<{ id: string }[]>('GET', `/users?exact=true&username=${name}`))[0]?.id ??
      assert.fail(`there is no ${name}`),
    enable: async (name, enabled) => {
      const id = await self.userId(name)
      await self.ask('PUT', `/users/${id}`, { ...(await self.ask<object>('GET', `/users/${id}`)), enabled })
    },
    signOut: async (name) => self.ask('POST', `/users/${await self.userId(name)}/logout`),
    accessToken: async (name) => {
      const reply = await fetch(
        `${url}/realms/main/protocol/openid-connect/token`,
        form({
          client_id: 'chat-app',
          grant_type: 'password',
          username: name,
          password: `${name}'s password`,
          scope: 'openid',
        }),
      )
      const answer = (await reply.json()) as { access_token?: string }
      return answer.access_token ?? assert.fail(JSON.stringify(answer))
    },
    [Symbol.asyncDispose]: stop,
  }
  return self
}
