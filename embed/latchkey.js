// A Matrix session for whoever is signed in to the application that this runs in. What it takes and gives is told in latchkey.d.ts.
const client = '/_matrix/client/v3/'
/** How long before its end a token is exchanged, in ms. */
const early = 30_000
/** How long the frame may take to answer once it is there, in ms. */
const patience = 3_000

export class LatchkeyError extends Error {
  constructor(code, message, status, retryAfterMs) {
    super(message)
    Object.assign(this, { name: 'LatchkeyError', code, status, retryAfterMs })
  }
}

/** Not a failure that passes, but a no. */
const isRefusal = (error) =>
  error instanceof LatchkeyError && error.status >= 400 && error.status < 500 && error.status !== 429

const isGone = ({ status, body }) => status === 401 && body.errcode === 'M_UNKNOWN_TOKEN' && !body.soft_logout

const answered = ({ status, body }) => {
  if (status === 200) return body
  throw new LatchkeyError(
    body.errcode ?? 'M_UNKNOWN',
    body.error ?? `The homeserver answered ${status}`,
    status,
    body.retry_after_ms,
  )
}

/** Asks the homeserver from here. */
const direct = (homeserver) => async (what, body, token) => {
  const answer = await fetch(homeserver + client + what, {
    method: body ? 'POST' : 'GET',
    credentials: 'omit',
    cache: 'no-store',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: answer.status, body: await answer.json().catch(() => ({})) }
}

const openPort = (homeserver) =>
  new Promise((resolve, reject) => {
    const frame = Object.assign(document.createElement('iframe'), {
      hidden: true,
      title: 'Latchkey',
      src: `${homeserver}/_latchkey/embed`,
    })
    const refuse = () => {
      frame.remove()
      reject(
        new LatchkeyError(
          'LATCHKEY_FRAME',
          `${homeserver}/_latchkey/embed does not let ${location.origin} in: add it to embed.origins in the homeserver's configuration`,
        ),
      )
    }
    frame.onload = () => {
      const timer = setTimeout(refuse, patience)
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => {
        clearTimeout(timer)
        resolve(port1)
      }
      frame.contentWindow.postMessage('latchkey', new URL(homeserver).origin, [port2])
    }
    document.body.append(frame)
  })

/** Has a page of the homeserver ask, in a frame that nobody sees. */
const framed = (homeserver) => {
  let opened
  let last = 0
  const waiting = new Map()
  return async (what, body, token) => {
    opened ??= openPort(homeserver)
    const port = await opened.catch((error) => {
      opened = undefined
      throw error
    })
    port.onmessage = ({ data: { id, failed, ...answer } }) => {
      const { resolve, reject } = waiting.get(id)
      waiting.delete(id)
      if (failed) reject(new TypeError(failed))
      else resolve(answer)
    }
    return new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject })
      port.postMessage({ id: last, what, body, token })
    })
  }
}

/** One after the other, over all tabs of the application where the browser can. */
const queue = (name) => {
  let last = Promise.resolve()
  return navigator.locks ? (work) => navigator.locks.request(name, work) : (work) => (last = last.then(work, work))
}

const openDatabase = () =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open('latchkey')
    request.onupgradeneeded = () => request.result.createObjectStore('sessions')
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

const inDatabase = async (mode, work) => {
  const database = await openDatabase()
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction('sessions', mode)
      const request = work(transaction.objectStore('sessions'))
      transaction.oncomplete = () => resolve(request.result)
      transaction.onabort = () => reject(transaction.error)
    })
  } finally {
    database.close()
  }
}

/** Not localStorage, which a tab may see later than another has written it. */
const ownStorage = {
  getItem: (key) => inDatabase('readonly', (sessions) => sessions.get(key)),
  setItem: (key, value) => inDatabase('readwrite', (sessions) => sessions.put(value, key)),
  removeItem: (key) => inDatabase('readwrite', (sessions) => sessions.delete(key)),
}

const tokenFrom = async (token) => {
  if (typeof token === 'function') return token()
  const answer = await fetch(token, { credentials: 'same-origin', cache: 'no-store' })
  if (!answer.ok)
    throw new LatchkeyError('LATCHKEY_TOKEN', `${token} answered ${answer.status} in place of a token`, answer.status)
  return (await answer.text()).trim()
}

/** @type {typeof import('./latchkey.d.ts').openSession} */
export const openSession = async ({
  homeserver: address,
  account,
  token,
  frame = false,
  deviceName,
  storage = ownStorage,
  onToken,
}) => {
  const homeserver = new URL(address).href.replace(/\/+$/, '')
  if (!account)
    throw new LatchkeyError(
      'LATCHKEY_ACCOUNT',
      '"account" must name the user of your application: sessions are kept by it',
    )
  const call = (frame ? framed : direct)(homeserver)
  const key = `latchkey ${homeserver} ${account}`
  const inTurn = queue(key)
  let opened

  const load = async () => {
    const text = await storage.getItem(key)
    return text ? JSON.parse(text) : undefined
  }
  const save = async (session) => {
    await storage.setItem(key, JSON.stringify(session))
    return session
  }
  const withTokens = (
    session,
    { access_token: accessToken, refresh_token: refreshToken, expires_in_ms: lifetime },
  ) => ({ ...session, accessToken, refreshToken, expires: lifetime === undefined ? undefined : Date.now() + lifetime })

  const signIn = async (kept) => {
    // A device that was signed out is gone with its keys: the next one is another, and begins anew.
    const gone = kept && isGone(await call('account/whoami', undefined, kept.accessToken))
    if (gone && opened) {
      await storage.removeItem(key)
      throw new LatchkeyError(
        'LATCHKEY_DEVICE_GONE',
        'This device was signed out: call openSession again, and begin with a new client',
        401,
      )
    }
    const answer = answered(
      await call('login', {
        type: 'org.matrix.login.jwt',
        token: await tokenFrom(token),
        refresh_token: true,
        ...(deviceName && { initial_device_display_name: deviceName }),
        ...(kept && !gone && { device_id: kept.deviceId }),
      }),
    )
    const { user_id: userId, device_id: deviceId } = answer
    if (kept && kept.userId !== userId) {
      await call('logout', {}, answer.access_token)
      throw new LatchkeyError(
        'LATCHKEY_OTHER_USER',
        `The token is of ${userId}, and the session that is kept for "${account}" is of ${kept.userId}: give each of your users an "account" of their own`,
      )
    }
    return withTokens({ userId, deviceId }, answer)
  }

  const renew = async (kept) => {
    if (kept?.refreshToken) {
      const answer = await call('refresh', { refresh_token: kept.refreshToken })
      if (answer.status !== 401) return withTokens(kept, answered(answer))
    }
    return signIn(kept)
  }

  /** The session as it is kept, with a token other than `stale` and good for a while. */
  const current = (stale) =>
    inTurn(async () => {
      const kept = await load()
      if (opened && kept?.deviceId !== opened.deviceId)
        throw new LatchkeyError(
          'LATCHKEY_ENDED',
          'This session was ended: call openSession again, and begin with a new client',
          401,
        )
      if (kept && kept.accessToken !== stale && !(kept.expires < Date.now() + early)) return kept
      const session = await save(await renew(kept))
      onToken?.(session.accessToken)
      return session
    })

  const ask = async (input, init) => {
    const request = new Request(typeof input === 'string' && input.startsWith('/') ? homeserver + input : input, init)
    if (!request.url.startsWith(`${homeserver}/`)) return fetch(request)
    const again = request.clone()
    const send = (one, { accessToken }) => {
      one.headers.set('authorization', `Bearer ${accessToken}`)
      return fetch(one)
    }
    try {
      const session = await current()
      const answer = await send(request, session)
      if (
        answer.status !== 401 ||
        (
          await answer
            .clone()
            .json()
            .catch(() => ({}))
        ).errcode !== 'M_UNKNOWN_TOKEN'
      )
        return answer
      return await send(again, await current(session.accessToken))
    } catch (error) {
      if (!isRefusal(error)) throw error
      // What clients know for the end of a session.
      return Response.json({ errcode: 'M_UNKNOWN_TOKEN', error: error.message }, { status: 401 })
    }
  }

  // What is kept may have ended since. Without a network it is as good as it was.
  const kept = await load()
  const found = kept && (await call('account/whoami', undefined, kept.accessToken).catch(() => undefined))
  opened = await current(found?.status === 401 ? kept.accessToken : undefined)
  const { userId, deviceId } = opened
  const auth = async (session) => ({
    type: 'org.matrix.login.jwt',
    token: await tokenFrom(token),
    ...(session && { session }),
  })
  return {
    homeserver,
    userId,
    deviceId,
    auth,
    accessToken: async () => (await current()).accessToken,
    fetch: ask,
    clientOptions: async () => ({
      baseUrl: homeserver,
      userId,
      deviceId,
      accessToken: (await current()).accessToken,
      fetchFn: ask,
    }),
    accountLink: async () => {
      const answer = await ask('/_matrix/client/v1/login/get_token', {
        method: 'POST',
        body: JSON.stringify({ auth: await auth() }),
      })
      const { login_token: once } = answered({ status: answer.status, body: await answer.json() })
      return `${homeserver}/account/enter?loginToken=${once}`
    },
    end: () =>
      inTurn(async () => {
        const kept = await load()
        if (kept?.deviceId !== deviceId) return
        await storage.removeItem(key)
        await call('logout', {}, kept.accessToken)
      }),
  }
}
