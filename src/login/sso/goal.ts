/** What a trip to a provider is for. */
export type Goal =
  | { readonly to: 'client'; readonly target: string }
  | { readonly to: 'confirm'; readonly session: string }
  | { readonly to: 'account'; readonly onwards?: string | undefined }
  | { readonly to: 'link'; readonly user: number; readonly visit: string }

/** A trip to a provider that is under way, bound to a browser. */
export interface Journey {
  readonly provider: string
  /** Hash of the browser's cookie. */
  readonly browser: string
  readonly nonce: string
  readonly verifier: string
  readonly fresh: boolean
  readonly started: number
  readonly goal: Goal
}
