// What `latchkey doctor` looks at from outside, as clients and other servers do.
import { lookup } from 'node:dns/promises'
import { connect } from 'node:tls'
import type { Config } from '../config/index.ts'
import type { Outgoing, OutgoingReply } from '../http/index.ts'
import type { Diagnosis } from './diagnosis.ts'

const dayMs = 86_400_000
const soonMs = 14 * dayMs
/** Tokens are good within some seconds; more than this many and they are refused. */
const clockMs = 20_000

type Ask = (url: string) => Promise<OutgoingReply | undefined>

async function name(url: URL): Promise<Diagnosis> {
  const about = `name ${url.hostname}`
  try {
    const found = await lookup(url.hostname, { all: true })
    return { state: 'ok', about, says: found.map(({ address }) => address).join(', ') }
  } catch {
    return {
      state: 'error',
      about,
      says: 'it is not known.',
      cure: 'Add an A or AAAA record for it, with the address of this server or of its proxy.',
    }
  }
}

/** When the certificate there ends; undefined where there is none that this machine trusts. */
function certificateEnd(url: URL): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  const socket = connect({ host: url.hostname, port: Number(url.port || 443), servername: url.hostname, timeout: 5000 })
  socket.once('secureConnect', () => resolve(Date.parse(socket.getPeerCertificate().valid_to)))
  for (const end of ['error', 'timeout', 'close'] as const) socket.once(end, () => resolve(undefined))
  return promise.finally(() => socket.destroy())
}

async function certificate(url: URL, now: number): Promise<Diagnosis> {
  const about = `certificate of ${url.host}`
  const end = await certificateEnd(url)
  if (end === undefined)
    return {
      state: 'error',
      about,
      says: 'there is none that this machine trusts.',
      cure: 'Have the proxy get one (Caddy does by itself), or set "acme" or "tls".',
    }
  const days = Math.floor((end - now) / dayMs)
  return end - now < soonMs
    ? { state: 'warning', about, says: `it ends in ${days} days.`, cure: 'See why it was not renewed.' }
    : { state: 'ok', about, says: `good for ${days} days.` }
}

/** The answer's Date says what time it is elsewhere. */
function clock(reply: OutgoingReply, where: string, now: number): Diagnosis[] {
  const theirs = Date.parse(reply.headers['date'] ?? '')
  if (Number.isNaN(theirs)) return []
  const off = now - theirs
  return Math.abs(off) < clockMs
    ? [{ state: 'ok', about: 'clock', says: `it agrees with that of ${where}.` }]
    : [
        {
          state: 'error',
          about: 'clock',
          says: `it is ${Math.round(Math.abs(off) / 1000)} s ${off > 0 ? 'ahead of' : 'behind'} that of ${where}: tokens will be refused.`,
          cure: 'Set the clock by NTP: timedatectl set-ntp true',
        },
      ]
}

async function reach(base: string, ask: Ask): Promise<Diagnosis> {
  const reply = await ask(`${base}/_matrix/client/versions`)
  return reply?.status === 200
    ? { state: 'ok', about: base, says: 'clients reach the server there.' }
    : {
        state: 'error',
        about: base,
        says: reply ? `it answers ${reply.status}.` : 'nobody answers there.',
        cure: 'See whether the proxy passes /_matrix on to "listen", and whether the server runs.',
      }
}

async function wellKnown(config: Config, base: string, ask: Ask): Promise<Diagnosis> {
  const url = `https://${config.server_name}/.well-known/matrix/client`
  const reply = await ask(url)
  let found: unknown
  try {
    found = JSON.parse(reply?.body.toString() ?? '')
  } catch {}
  const says = (found as { 'm.homeserver'?: { base_url?: unknown } } | undefined)?.['m.homeserver']?.base_url
  if (typeof says === 'string' && says.replace(/\/$/, '') === base)
    return { state: 'ok', about: url, says: `clients that know only ${config.server_name} find ${base}.` }
  return {
    state: 'warning',
    about: url,
    says:
      typeof says === 'string'
        ? `it says ${says}, and "public_base_url" is ${base}.`
        : 'it does not say where the server is: people must type its address.',
    cure: `Have ${config.server_name} pass /.well-known/matrix/ on to this server.`,
  }
}

const addressOf = (provider: Config['identity_providers'][number]): string | undefined => {
  switch (provider.type) {
    case 'oidc':
      return `${provider.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    case 'jwt':
      return provider.jwks_uri
    case 'cas':
      return provider.url
    case 'saml':
      return provider.metadata_url
    default:
      return undefined
  }
}

async function provider(entry: Config['identity_providers'][number], ask: Ask): Promise<Diagnosis[]> {
  const url = addressOf(entry)
  if (url === undefined) return []
  const reply = await ask(url)
  const about = `identity provider "${entry.id}"`
  if (reply && reply.status < 500) return [{ state: 'ok', about, says: `it answers at ${url}.` }]
  return [
    {
      state: 'error',
      about,
      says: `${url} ${reply ? `answers ${reply.status}` : 'does not answer'}: nobody can sign in by it.`,
      cure: 'See whether this machine may reach it (firewall, "outgoing_proxy", "ca_file").',
    },
  ]
}

/** Looks at names, certificates, discovery, the clock and providers. */
export async function* lookAtNetwork(config: Config, outgoing: Outgoing, now: () => number): AsyncGenerator<Diagnosis> {
  const ask: Ask = (url) => outgoing(url, { configured: true, timeoutMs: 8000 }).catch(() => undefined)
  const base = config.public_base_url
  if (base === undefined)
    yield {
      state: 'warning',
      about: 'public_base_url',
      says: 'it is not set: what clients see of the server cannot be looked at.',
      cure: 'Set it to the address that clients use.',
    }
  else {
    const url = new URL(base)
    yield await name(url)
    if (url.protocol === 'https:') yield await certificate(url, now())
    yield await reach(base, ask)
    yield await wellKnown(config, base, ask)
  }
  for (const entry of config.identity_providers) {
    yield* await provider(entry, ask)
    const url = addressOf(entry)
    const reply = url === undefined ? undefined : await ask(url)
    if (reply && url !== undefined) yield* clock(reply, new URL(url).host, now())
  }
}
