import type { Claims } from '../identity/index.ts'

/** Whom a provider has vouched for in a browser. */
export interface Proof {
  /** What the provider calls this person, for good. */
  readonly subject: string
  readonly claims: Claims
  /** The provider's own session, by which it may end ours later. */
  readonly sid?: string | undefined
  /** When the person last showed who they are, in ms; undefined where the provider does not say. */
  readonly authenticated?: number | undefined
  /** When the provider's session ends by itself, in ms; undefined where it does not say. */
  readonly ends?: number | undefined
  /** What the provider wants back when somebody signs out there. */
  readonly idToken?: string | undefined
  /** What the provider can be asked with whether its session still stands. */
  readonly evidence?: string | undefined
}

/** What a trip to a provider and back is bound to. */
export interface Trip {
  /** Goes to the provider and comes back as it is. */
  readonly state: string
  readonly nonce: string
  /** Proves to the provider that whoever left is who came back (PKCE). */
  readonly verifier: string
  /** Whether the person has to show again who they are, however lately they did. */
  readonly fresh: boolean
}

/** Whom a provider signs out: a session of its, or a person. */
export interface LoggedOut {
  readonly sid?: string | undefined
  readonly subject?: string | undefined
  /** With both: what is the subject's, and of no session that has a name, too. */
  readonly unnamed?: boolean | undefined
}

/** What an identity provider that people are sent to with their browser is to them, and does. */
export interface BrowserProvider {
  readonly id: string
  /** What people know it by. */
  readonly name: string
  /** An mxc address. */
  readonly icon: string | undefined
  readonly brand: string | undefined
  /** What becomes of our sessions when the provider says that theirs has ended. */
  readonly backchannelLogout: 'soft' | 'hard' | 'off'
  /** Where to send the browser. @throws Problem */
  leave(trip: Trip): Promise<URL>
  /**
   * Of a provider whose answer is a form of another site, with which no cookie comes along: the state that the form belongs to, given once.
   * Nothing of the form is believed for that.
   */
  stateOf?(form: URLSearchParams): string | undefined
  /** Who came back, with what. @throws Problem */
  arrive(trip: Trip, answer: URLSearchParams): Promise<Proof>
  /** Where to sign out at the provider, too; undefined where it has no such place. */
  signOut?(idToken: string, back: string): Promise<URL | undefined>
  /** What the provider wants to know of this server, as XML. */
  metadata?(): string
  /** Reads the form that the provider sends when it ends sessions of its. @throws Problem */
  readLogout?(form: URLSearchParams): Promise<readonly LoggedOut[]>
}
