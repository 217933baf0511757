import type { Database } from '../storage/index.ts'
import { saveSeen } from './store/devices.ts'

/** When and from where a device was last heard of. */
export interface Sighting {
  readonly ts: number
  readonly ip: string
  readonly userAgent: string | null
}

/** Keeps the newest sighting of each device in memory, and writes all of them down at most once a minute. */
export interface Sightings extends AsyncDisposable {
  note(device: number, sighting: Sighting): void
  /** What is not yet written down. */
  pending(device: number): Sighting | undefined
  forget(device: number): void
}

const interval = 60_000
/** Devices in one write: everyone else's writes wait for it. */
const atOnce = 200
/** More than this in memory and the minute is cut short. */
const most = 20_000

export function openSightings(database: Database, onError: (error: unknown) => void): Sightings {
  let waiting = new Map<number, Sighting>()
  let writing = new Map<number, Sighting>()
  let timer: NodeJS.Timeout | undefined
  let running = Promise.resolve()

  const flush = async (): Promise<void> => {
    writing = waiting
    waiting = new Map()
    const all = [...writing]
    for (let start = 0; start < all.length; start += atOnce) {
      await database.write(async (tx) => {
        for (const [device, { ts, ip, userAgent }] of all.slice(start, start + atOnce))
          await saveSeen(tx, device, ts, ip, userAgent)
      })
    }
  }

  const start = (): void => {
    clearTimeout(timer)
    timer = undefined
    // A sighting that could not be written is lost; the next request brings another.
    running = running.then(flush).catch(onError)
  }

  return {
    note: (device, sighting) => {
      waiting.set(device, sighting)
      if (waiting.size === most) start()
      else timer ??= setTimeout(start, interval).unref()
    },
    pending: (device) => waiting.get(device) ?? writing.get(device),
    forget: (device) => {
      waiting.delete(device)
      writing.delete(device)
    },
    [Symbol.asyncDispose]: () => {
      start()
      return running
    },
  }
}
