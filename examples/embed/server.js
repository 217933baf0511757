// The backend of an application that has users of its own. What it does for chat is tokenFor() and keyFor(), and the routes /chat-token and /chat-key.
import { createHmac, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'

const port = Number(process.env.PORT ?? 3000)
const homeserver = process.env.HOMESERVER ?? 'http://127.0.0.1:8008'
const secret = readFileSync(join(import.meta.dirname, 'chat-secret'), 'utf8').trim()

/** Its users. In earnest they are in a database, and have passwords. */
const users = new Map([
  ['alice', 'Alice Example'],
  ['bob', 'Bob Example'],
])
/** Who is signed in: a random cookie, and the user's id. */
const sessions = new Map()

/** A token (JWT) that says who somebody is. It is good for a minute, and is used at once. */
const tokenFor = (user) => {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    sub: user,
    name: users.get(user),
    iss: 'https://intranet.example.org',
    aud: 'chat',
    iat: now,
    exp: now + 60,
  }
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

const keysFile = join(import.meta.dirname, 'chat-keys.json')
const keys = existsSync(keysFile) ? JSON.parse(readFileSync(keysFile, 'utf8')) : {}

/**
 * The key that opens a user's history in another browser, made when it is first asked for. Whoever has it can read what the user can
 * read: in earnest it is in a database, encrypted at rest. Lost, it takes the history with it that no browser has.
 */
const keyFor = (user) => {
  if (!keys[user]) {
    keys[user] = randomBytes(32).toString('base64')
    writeFileSync(keysFile, JSON.stringify(keys), { mode: 0o600 })
  }
  return keys[user]
}

const cookieOf = ({ headers }) => /(?:^|; )session=([\w-]+)/.exec(headers.cookie ?? '')?.[1]
const userOf = (request) => sessions.get(cookieOf(request))

const types = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.map': 'application/json',
  '.wasm': 'application/wasm',
}

const page = async (name, values) => {
  const text = await readFile(join(import.meta.dirname, 'public', name), 'utf8')
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_, key) =>
    values[key].replaceAll(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`),
  )
}

const formOf = async (request) => {
  let text = ''
  for await (const chunk of request) text = (text + chunk).slice(0, 10_000)
  return new URLSearchParams(text)
}

const routes = {
  'GET /': async (request, response) => {
    const user = userOf(request)
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(
      await page(user ? 'chat.html' : 'sign-in.html', { user: user ?? '', name: users.get(user) ?? '', homeserver }),
    )
  },

  'POST /sign-in': async (request, response) => {
    const user = (await formOf(request)).get('user')
    if (!users.has(user)) {
      response.writeHead(403).end('There is no such user')
      return
    }
    const id = randomBytes(32).toString('base64url')
    sessions.set(id, user)
    response.writeHead(303, { location: '/', 'set-cookie': `session=${id}; Path=/; HttpOnly; SameSite=Lax` }).end()
  },

  'POST /sign-out': (request, response) => {
    sessions.delete(cookieOf(request))
    response.writeHead(303, { location: '/', 'set-cookie': 'session=; Path=/; Max-Age=0' }).end()
  },

  /** The token of whoever is signed in here: the cookie says who that is, and never the request. */
  'GET /chat-token': (request, response) => {
    const user = userOf(request)
    response.setHeader('cache-control', 'no-store')
    if (user) response.end(tokenFor(user))
    else response.writeHead(401).end('Nobody is signed in')
  },

  /** The key of whoever is signed in here, by the same rule. */
  'GET /chat-key': (request, response) => {
    const user = userOf(request)
    response.setHeader('cache-control', 'no-store')
    if (user) response.end(keyFor(user))
    else response.writeHead(401).end('Nobody is signed in')
  },
}

const file = async (path, response) => {
  const folder = path.startsWith('/dist/') ? '' : 'public'
  const bytes = await readFile(join(import.meta.dirname, folder, normalize(path))).catch(() => undefined)
  if (!bytes || !/^\/(dist|style)/.test(path)) response.writeHead(404).end('There is nothing here')
  else response.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream' }).end(bytes)
}

createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost')
  const route = routes[`${request.method} ${pathname}`] ?? (() => file(pathname, response))
  Promise.resolve(route(request, response)).catch((error) => {
    console.error(error)
    response.writeHead(500).end('Something went wrong here')
  })
}).listen(port, 'localhost', () => console.log(`The application runs at http://localhost:${port}`))
