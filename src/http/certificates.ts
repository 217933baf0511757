import type { SecureContext } from 'node:tls'

/** PEM files of a certificate, with those between it and its authority behind it, and of its key. */
export interface TlsFiles {
  readonly certificateFile?: string | undefined
  readonly keyFile?: string | undefined
  /** They come later: until then there is no certificate, and nobody is answered by TLS. */
  readonly isPending?: boolean
}

/** What listeners by TLS show. It outlives the homeserver behind them, as they do. */
export class Certificates {
  #files: TlsFiles = {}
  /** Shown to an authority that asks by ACME whether a name leads here (RFC 8737), by name. */
  readonly challenges = new Map<string, SecureContext>()
  readonly #listeners = new Set<() => void>()

  get files(): TlsFiles {
    return this.#files
  }

  set files(files: TlsFiles) {
    const isNew = files.certificateFile !== this.#files.certificateFile || files.keyFile !== this.#files.keyFile
    this.#files = files
    if (isNew) this.changed()
  }

  /** What lies in the files is new. */
  changed(): void {
    for (const listener of this.#listeners) listener()
  }

  /** @returns what ends it */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}
