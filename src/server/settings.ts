// What the settings say, by the names of those who ask: capabilities, discovery, limits.
import { totalmem } from 'node:os'
import { type Config, oauthIssuer } from '../config/index.ts'
import type { HttpOptions, OutgoingProxy, Rate, Session } from '../http/index.ts'
import { roomVersions } from '../matrix/room-version.ts'
import { delayedLimits } from '../rooms/index.ts'

/** What is there before it is in the specification. @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientversions */
export const unstableFeatures = (config: Config): Readonly<Record<string, boolean>> => ({
  // Signing in by a QR code is OAuth 2.0 for a device.
  ...(oauthIssuer(config) !== undefined && { 'org.matrix.msc4108': true, 'io.element.msc4388': true }),
  'org.matrix.msc4140': true,
  'uk.half-shot.msc2666.query_mutual_rooms': true,
  'org.matrix.msc3814': true,
  'org.matrix.simplified_msc3575': true,
  'fi.mau.msc2659.stable': true,
})

/** What a user of this server may do. @see https://spec.matrix.org/v1.19/client-server-api/#capabilities-negotiation */
export const capabilities = (config: Config, { admin }: Session): Record<string, unknown> => ({
  'm.room_versions': {
    default: config.default_room_version,
    available: Object.fromEntries(
      [...roomVersions.values()].map((version) => [version.id, version.stable ? 'stable' : 'unstable']),
    ),
  },
  'm.change_password': { enabled: config.password_login },
  'm.set_displayname': { enabled: true },
  'm.set_avatar_url': { enabled: true },
  'm.profile_fields': { enabled: true },
  'm.3pid_changes': { enabled: config.email.smtp !== undefined },
  'm.get_login_token': { enabled: true },
  'm.forget_forced_upon_leave': { enabled: false },
  'org.matrix.msc4140.delayed_events': {
    max_delay_ms: delayedLimits.maxDelayMs,
    max_scheduled: delayedLimits.maxScheduled,
  },
  ...(admin && { 'm.account_moderation': { suspend: true, lock: true } }),
})

/** What discovery says beside addresses. Clients that do not ask for the transports of calls look here. */
export const wellKnownExtra = ({
  well_known: { extra },
  rtc_transports: transports,
}: Config): Record<string, unknown> => ({
  ...(transports.length > 0 && { 'org.matrix.msc4143.rtc_foci': transports }),
  ...extra,
})

/** The settings' limits by the names of http/; `off` is a rate that nobody reaches. */
export function httpRates(
  limits: Exclude<Config['rate_limits'], 'off'>,
): NonNullable<Exclude<HttpOptions['rateLimits'], 'off'>> {
  const unlimited = { perSecond: 1e9, burst: 1e9 }
  const rate = (limit: 'off' | { per_second: number; burst: number }): Rate =>
    limit === 'off' ? unlimited : { perSecond: limit.per_second, burst: limit.burst }
  const { login, registration, message, session, heavy, federation, default: rest } = limits
  return {
    login: rate(login),
    registration: rate(registration),
    message: rate(message),
    session: rate(session),
    heavy: rate(heavy),
    federation: rate(federation),
    default: rate(rest),
  }
}

const [least, most] = [32 * 1024 * 1024, 512 * 1024 * 1024]

/** Bytes that all caches may take together: as it is set, or an eighth of what this process may have. */
export function memoryBudget({ memory }: Pick<Config, 'memory'>): number {
  // Without a limit the first is 0, or larger than any machine.
  const has = Math.min(process.constrainedMemory() || Infinity, totalmem())
  return memory ?? Math.round(Math.min(Math.max(has / 8, least), most))
}

/** The way out, where there is but one. */
export const outgoingProxy = ({
  outgoing_proxy: url,
  outgoing_proxy_except: except,
}: Config): OutgoingProxy | undefined => (url === undefined ? undefined : { url, except })
