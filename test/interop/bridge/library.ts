// matrix-appservice-bridge, as far as the test speaks to it. Its encryption is native code that is fetched while it is installed; bridges
// that do not encrypt do without, and so does this.
import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

type Json = Record<string, unknown>

export interface BridgeEvent {
  type: string
  room_id: string
  event_id: string
  sender: string
  state_key?: string
  content: Json
}
export interface EphemeralEvent {
  type: string
  room_id?: string
  content: Json
}

export interface Intent {
  userId: string
  ensureRegistered: () => Promise<unknown>
  setDisplayName: (name: string) => Promise<unknown>
  join: (room: string) => Promise<string>
  leave: (room: string) => Promise<unknown>
  sendText: (room: string, text: string) => Promise<{ event_id: string }>
  sendTyping: (room: string, isTyping: boolean) => Promise<unknown>
  sendReadReceipt: (room: string, eventId: string) => Promise<unknown>
  getProfileInfo: (userId: string) => Promise<Json>
}

export interface Controller {
  onEvent: (request: { getData: () => BridgeEvent }) => void
  onEphemeralEvent: (request: { getData: () => EphemeralEvent }) => void
  onUserQuery: (user: { localpart: string }) => { name?: string } | null
  onAliasQuery: (alias: string, localpart: string) => { creationOpts: Json } | null
  thirdPartyLookup: Json
}

export interface Bridge {
  initialise: () => Promise<void>
  listen: (port: number, host: string) => Promise<void>
  close: () => Promise<void>
  getIntent: (userId?: string) => Intent
  pingAppserviceRoute: (roomId: string, timeoutMs?: number) => Promise<number>
  appService: { close: () => Promise<void> }
}

export interface Registration {
  pushEphemeral?: boolean
  setId: (id: string) => void
  setHomeserverToken: (token: string) => void
  setAppServiceToken: (token: string) => void
  setSenderLocalpart: (localpart: string) => void
  setRateLimited: (isLimited: boolean) => void
  setProtocols: (protocols: string[]) => void
  addRegexPattern: (kind: 'users' | 'aliases' | 'rooms', pattern: string, exclusive: boolean) => void
  outputAsYaml: (file: string) => void
}

export interface Library {
  Bridge: new (options: Json & { controller: Controller }) => Bridge
  AppServiceRegistration: (new (url: string) => Registration) & { generateToken: () => string }
}

const file = join(import.meta.dirname, '..', 'node_modules', 'matrix-appservice-bridge', 'lib', 'index.js')

/** The library; undefined where it is not installed. */
export async function bridgeLibrary(): Promise<Library | undefined> {
  if (!existsSync(file)) return undefined
  registerHooks({
    resolve: (name, context, next) =>
      name === '@matrix-org/matrix-sdk-crypto-nodejs'
        ? {
            url: pathToFileURL(join(import.meta.dirname, 'no-crypto.cjs')).href,
            format: 'commonjs',
            shortCircuit: true,
          }
        : next(name, context),
  })
  const { default: library } = (await import(pathToFileURL(file).href)) as { default: Library }
  return library
}
