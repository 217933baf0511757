// A whole OpenID provider in this process, where whoever is named signs in without being asked, and a browser without a screen.
import { createServer, type Server } from 'node:http'
import { Provider } from 'oidc-provider'
import { freePort } from './process.ts'

/** An identity provider that listens. */
export interface IdentityProvider extends AsyncDisposable {
  readonly issuer: string
  /** Who signs in next; undefined: whoever is asked refuses. */
  person: string | undefined
  /** Claims of everybody, over the usual ones. */
  claims: Record<string, unknown>
  /** How often somebody had to show who they are. */
  asked: number
  /** Whether nobody's session stands any more. */
  disabled: boolean
  /** What was asked of it, as `GET /auth`. */
  readonly log: string[]
}

const listenOn = (server: Server, port: number): Promise<void> =>
  new Promise((resolve) => {
    server.listen(port, '127.0.0.1', resolve)
  })

/**
 * Starts one.
 * @param home where the homeserver is that people come from
 * @param id the id that the homeserver knows it by
 */
export const openIdentityProvider = async (home: string, id = 'idp'): Promise<IdentityProvider> => {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'matrix',
        client_secret: 'a secret of the client',
        redirect_uris: [`${home}/_latchkey/sso/${id}/callback`],
        response_types: ['code'],
        grant_types: ['authorization_code', 'refresh_token'],
        post_logout_redirect_uris: [`${home}/account`],
        backchannel_logout_uri: `${home}/_latchkey/sso/${id}/logout`,
        backchannel_logout_session_required: true,
      },
    ],
    pkce: { required: () => true },
    cookies: { keys: ['a key of the provider'] },
    conformIdTokenClaims: false,
    claims: { openid: ['sub', 'sid'], profile: ['name', 'preferred_username'], email: ['email'] },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      introspection: { enabled: true },
    },
    issueRefreshToken: () => true,
    findAccount: (_: unknown, accountId: string) =>
      self.disabled
        ? undefined
        : {
            accountId,
            claims: () => ({
              sub: accountId,
              name: `Name of ${accountId}`,
              preferred_username: accountId.replace(/^id-/, ''),
              email: `${accountId}@idp.test`,
              ...self.claims,
            }),
          },
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    // Its own way is to ask no private address, and the homeserver has one here.
    fetch: (url: string, { method, headers, body }: RequestInit) =>
      fetch(url, { method: method ?? 'GET', ...(headers && { headers }), ...(body && { body }) }),
    ttl: { Session: 3600, Grant: 3600, Interaction: 600, AccessToken: 600, IdToken: 600, AuthorizationCode: 60 },
  })
  const self: IdentityProvider = {
    issuer,
    person: 'id-alice',
    claims: {},
    asked: 0,
    disabled: false,
    log: [],
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => {
          resolve()
        })
      }),
  }
  provider.use(async (context, next) => {
    const { path, req, res } = context
    self.log.push(`${req.method} ${path}`)
    if (self.disabled && path === '/token/introspection') {
      context.body = { active: false }
      return
    }
    if (!path.startsWith('/interaction/')) return next()
    const { prompt, params, session } = await provider.interactionDetails(req, res)
    if (self.person === undefined) return provider.interactionFinished(req, res, { error: 'access_denied' })
    if (prompt.name === 'login') {
      self.asked += 1
      return provider.interactionFinished(
        req,
        res,
        { login: { accountId: self.person } },
        { mergeWithLastSubmission: false },
      )
    }
    const grant = new provider.Grant({ accountId: session?.accountId ?? self.person, clientId: params.client_id })
    grant.addOIDCScope('openid profile email')
    return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } })
  })
  const server = createServer(provider.callback())
  await listenOn(server, port)
  return self
}

/** One request, no redirect followed. */
export const send = (url: string, options: RequestInit = {}): Promise<Response> =>
  fetch(url, { redirect: 'manual', ...options })

/** What a browser without a screen got in the end. */
export interface Landing {
  readonly url: string
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

/** Follows redirects, keeps cookies by origin, and stops at addresses where nothing is. */
export interface Browser {
  go(url: string, form?: Record<string, string>): Promise<Landing>
  /** Opens the first link whose address contains that. */
  follow(landing: Landing, part: string): Promise<Landing>
  /** Sends the form that goes to that, with what is hidden in it. */
  submit(landing: Landing, part: string, fields?: Record<string, string>): Promise<Landing>
  readonly cookies: Map<string, Map<string, string>>
}

const decode = (text: string): string =>
  text
    .replaceAll('&amp;', '&')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')

export const openBrowser = (language = 'en'): Browser => {
  const cookies: Browser['cookies'] = new Map()
  const jarOf = (origin: string): Map<string, string> => {
    const jar = cookies.get(origin) ?? new Map<string, string>()
    cookies.set(origin, jar)
    return jar
  }
  const go: Browser['go'] = async (start, form) => {
    let [url, body] = [start, form && new URLSearchParams(form)]
    for (let hop = 0; hop < 15; hop++) {
      const { origin, protocol, hostname } = new URL(url)
      if (!/^https?:$/.test(protocol) || hostname !== '127.0.0.1')
        return { url, status: 0, text: '', headers: new Headers() }
      const jar = jarOf(origin)
      const reply = await fetch(url, {
        method: body ? 'POST' : 'GET',
        redirect: 'manual',
        ...(body && { body }),
        headers: {
          'accept-language': language,
          accept: 'text/html',
          cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
        },
      })
      for (const line of reply.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) jar.delete(name)
        else jar.set(name, value)
      }
      const location = reply.headers.get('location')
      if (reply.status < 300 || reply.status >= 400 || location === null)
        return { url, status: reply.status, text: await reply.text(), headers: reply.headers }
      await reply.body?.cancel()
      url = new URL(location, url).href
      body = undefined
    }
    throw new Error(`${start} redirects in circles`)
  }
  return {
    go,
    cookies,
    follow: (landing, part) => {
      const href = [...landing.text.matchAll(/href="([^"]*)"/g)]
        .map((match) => decode(match[1] ?? ''))
        .find((one) => one.includes(part))
      if (href === undefined) throw new Error(`There is no link to ${part} on ${landing.url}: ${landing.text}`)
      return go(new URL(href, landing.url).href)
    },
    submit: (landing, part, fields = {}) => {
      const form = [...landing.text.matchAll(/<form\b[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)].find((match) =>
        match[1]?.includes(part),
      )
      if (!form) throw new Error(`There is no form to ${part} on ${landing.url}: ${landing.text}`)
      const hidden = [...(form[2] ?? '').matchAll(/<input type="?hidden"? name="([^"]*)" value="([^"]*)"/g)].map(
        (match) => [match[1] ?? '', decode(match[2] ?? '')],
      )
      return go(new URL(decode(form[1] ?? ''), landing.url).href, {
        ...(Object.fromEntries(hidden) as Record<string, string>),
        ...fields,
      })
    },
  }
}
