// What programs get that embed the server: `import { createHomeserver } from 'latchkey'`. Its types name no foreign package.
import type { Config, ConfigInput } from '../config/index.ts'
import { createHomeserver as create } from './index.ts'

export { ConfigError, type Finding } from '../config/index.ts'
export { DatabaseRefused } from '../storage/refused.ts'
export type { Config, ConfigInput }

/** A request that needs no socket. */
export interface InjectedRequest {
  /** Default GET. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS' | 'HEAD'
  /** The path, with its query. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly payload?: string | object
}

export interface InjectedResponse {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, number | string | string[] | undefined>>
  readonly body: string
  /** The body, parsed. */
  json(): unknown
}

/** A homeserver that is running. Dispose of it with `await using`, or `close()`. */
export interface Homeserver extends AsyncDisposable {
  /** Where it listens, in the order of `listen`. */
  readonly urls: readonly string[]
  /** The first of these. */
  readonly url: string
  /** Where the metrics are read; undefined where they are off. */
  readonly metricsUrl: string | undefined
  /** All settings, those that were left out with their defaults. */
  readonly config: Config
  /** Answers a request without a socket. */
  inject(request: InjectedRequest): Promise<InjectedResponse>
  close(): Promise<void>
}

export interface HomeserverOptions {
  /** Milliseconds since 1970. For tests of what takes long. */
  readonly now?: () => number
}

/**
 * Starts a whole homeserver in this process.
 * @param input settings by the names of the configuration file; those that are left out have their defaults
 * @throws {ConfigError} for settings that are wrong; {DatabaseRefused} for a database that is not ours
 */
export const createHomeserver: (input?: ConfigInput, options?: HomeserverOptions) => Promise<Homeserver> = create
