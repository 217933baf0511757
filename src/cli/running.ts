import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config/index.ts'
import { Doors } from '../http/index.ts'
import { createHomeserver, type Homeserver, type HomeserverOptions } from '../server/index.ts'
import { changeOf, filesOf } from './reload-changes.ts'
import { operatorOf, type Operator } from './operator.ts'

/** A homeserver that takes a new configuration while it runs. */
export class Running implements AsyncDisposable {
  readonly #doors: Doors
  readonly #read: () => Promise<Config>
  readonly operator: Operator
  #config: Config
  #files: string[]
  #homeserver: Homeserver
  #reloading: Promise<unknown> = Promise.resolve()

  private constructor(doors: Doors, config: Config, homeserver: Homeserver, read: () => Promise<Config>) {
    this.#doors = doors
    this.#config = config
    this.#files = filesOf(config)
    this.#homeserver = homeserver
    this.#read = read
    this.operator = operatorOf(homeserver, () => this.reload())
  }

  /** @param read reads the configuration anew */
  static async start(config: Config, read: () => Promise<Config>, options: HomeserverOptions = {}): Promise<Running> {
    const doors = new Doors()
    try {
      return new Running(doors, config, await createHomeserver(config, { ...options, doors }), read)
    } catch (error) {
      await doors[Symbol.asyncDispose]()
      throw error
    }
  }

  get urls(): readonly string[] {
    return this.#homeserver.urls
  }

  /**
   * Reads the configuration, and runs with what is new in it. Resolves to a sentence that says what that is; with one that cannot be
   * used, all goes on as it was. @throws {ConfigError} and what a start throws
   */
  reload(): Promise<string> {
    const next = this.#reloading.then(() => this.#reload())
    this.#reloading = next.catch(() => {})
    return next
  }

  async #reload(): Promise<string> {
    const { config, taken, waiting } = changeOf(this.#config, await this.#read())
    const files = filesOf(config)
    const named = [...taken, ...(isDeepStrictEqual(files, this.#files) ? [] : ['what lies in the files it names'])]
    if (named.length > 0) await this.#reopen(config)
    this.#files = files
    const sentences = [
      named.length > 0 ? `New, and taken: ${named.join(', ')}.` : 'Nothing that can be taken is new.',
      ...(waiting.length > 0 ? [`Only a restart changes ${waiting.join(', ')}.`] : []),
    ]
    return sentences.join(' ')
  }

  /** Requests wait meanwhile, and nobody's connection is cut. */
  async #reopen(config: Config): Promise<void> {
    await this.#homeserver.close()
    try {
      this.#homeserver = await createHomeserver(config, { doors: this.#doors })
      this.#config = config
    } catch (error) {
      this.#homeserver = await createHomeserver(this.#config, { doors: this.#doors })
      throw error
    } finally {
      Object.assign(
        this.operator,
        operatorOf(this.#homeserver, () => this.reload()),
      )
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that is under way has its end first: it would open a server that nobody closes.
    await this.#reloading
    await this.#homeserver.close()
    await this.#doors.close(500)
  }
}
