import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { MatrixError } from '../matrix/errors.ts'
import { limitExceeded } from './limits.ts'

/** Bytes that wait for the other side: of bodies that are arriving, and of answers that nobody has read yet. */
export interface OutstandingLimits {
  /** For one user, or one address where nobody is signed in. */
  readonly each: number
  readonly all: number
  /** How long a client may take nothing of its answer, in ms. */
  readonly writeTimeoutMs: number
}

export const usualOutstanding: OutstandingLimits = {
  each: 64 * 1024 * 1024,
  all: 512 * 1024 * 1024,
  writeTimeoutMs: 60_000,
}

/** Whom bytes are counted for: the short id of a user, or an address. */
export type Holder = number | string

export interface Outstanding {
  /**
   * Counts bytes of a body, until `release`.
   * @throws MatrixError 429 M_LIMIT_EXCEEDED when that is too much for one, 503 when it is too much for the server
   */
  hold(who: Holder, bytes: number): void
  release(who: Holder, bytes: number): void
  /** An answer of this size is about to be sent: one that is small goes, and so does one that is alone. @throws as `hold` */
  admit(who: Holder, bytes: number): void
  /** What the client has not taken yet of an answer is counted until it has, or has gone. */
  sent(who: Holder, response: ServerResponse): void
  /** Takes a client that takes nothing more of its answer for gone. */
  watch(response: ServerResponse): void
  readonly total: number
}

/** An answer of so many bytes is sent whoever waits for what. */
const smallAnswer = 64 * 1024

const serverFull = (): MatrixError =>
  new MatrixError('M_UNKNOWN', 'The server has too much under way, wait a while', { status: 503, retryAfterMs: 5000 })

/** What counts the bytes of one request's body. */
export function holdFor(
  outstanding: Outstanding,
  exchange: { held: { readonly who: Holder; bytes: number } | undefined },
  who: Holder,
): (bytes: number) => void {
  return (bytes) => {
    outstanding.hold(who, bytes)
    exchange.held ??= { who, bytes: 0 }
    exchange.held.bytes += bytes
  }
}

/** Keeps count of what is held for each user and address, and for all of them. */
export function createOutstanding(limits: OutstandingLimits): Outstanding {
  const held = new Map<Holder, number>()
  let total = 0
  const add = (who: Holder, bytes: number): void => {
    const now = (held.get(who) ?? 0) + bytes
    total += bytes
    if (now > 0) held.set(who, now)
    else held.delete(who)
  }
  const check = (who: Holder, bytes: number): void => {
    const before = held.get(who) ?? 0
    if (before > 0 && before + bytes > limits.each) throw limitExceeded(1000)
    if (total > 0 && total + bytes > limits.all) throw serverFull()
  }
  const watch = (response: ServerResponse): void => {
    const { socket } = response
    if (!socket) {
      // It waits for the answers to what was asked before on its connection.
      response.once('socket', () => watch(response))
      return
    }
    // What is asked without a connection (`inject`) is given to a stream, whatever its type says.
    if (!(socket instanceof Socket)) return
    socket.setTimeout(limits.writeTimeoutMs)
    // Before Node's own listener, which sets the time that a connection may be idle.
    response.prependOnceListener('finish', () => socket.setTimeout(0))
  }
  return {
    hold: (who, bytes) => {
      check(who, bytes)
      add(who, bytes)
    },
    release: (who, bytes) => add(who, -bytes),
    admit: (who, bytes) => {
      if (bytes > smallAnswer) check(who, bytes)
    },
    sent: (who, response) => {
      const bytes = response.writableLength
      if (bytes === 0) return
      add(who, bytes)
      response.once('close', () => add(who, -bytes))
      watch(response)
    },
    watch,
    get total() {
      return total
    },
  }
}
