// A run: so many requests, some at once, and what came of them.
import { createPools } from './pools.ts'
import { hasSpec, operationsOf } from './operations.ts'
import { randomOf } from './random.ts'
import { describe, makeRequest, type FuzzRequest } from './requests.ts'
import { exchange, type Outcome } from './wire.ts'
import { openWorld, type Said } from './world.ts'

export interface RunOptions {
  readonly requests: number
  readonly seed: number
  /** A URL of an empty database; undefined: a file of its own. */
  readonly database: string | undefined
  /** Requests at once. */
  readonly width: number
  /** Only operations and paths that match. */
  readonly only?: RegExp | undefined
  /** Told now and then how far it is. */
  readonly onProgress?: (line: string) => void
}

export interface Report {
  readonly operations: number
  /** Of the server's failures, and what it had to say: each with the request that made it. */
  readonly faults: readonly string[]
  /** How many answers had which status; 0: none, since the client had hung up. */
  readonly statuses: ReadonlyMap<number, number>
  /** Operations that have answered 2xx. */
  readonly reached: ReadonlySet<string>
  /** Turns of the event loop that took too long, in ms of the processor, with what was asked meanwhile. */
  readonly stalls: readonly { readonly ms: number; readonly during: readonly string[] }[]
  /** Resident memory in bytes, taken at even distances over the run. */
  readonly memory: readonly number[]
}

/** What another server, a bridge or a gateway does not answer is no failure of this one. */
const isElsewhere = (status: number): boolean => status === 501 || status === 502 || status === 504

const isFault = ({ status, waited }: Outcome): boolean => waited || (status >= 500 && !isElsewhere(status))

const tendEvery = 400
const memorySamples = 40
const mostFaults = 200

/** Runs. Ends early where the server does. */
export async function fuzz({ requests, seed, database, width, only, onProgress }: RunOptions): Promise<Report> {
  const random = randomOf(seed)
  const pools = createPools()
  const faults: string[] = []
  const addFault = (text: string): void => {
    if (faults.length >= mostFaults) return
    faults.push(text)
    if (faults.length <= 5) onProgress?.(text.slice(0, 1500))
  }
  const stalls: { ms: number; during: string[] }[] = []
  const underWay = new Map<number, FuzzRequest>()
  /** What has just ended may have held the loop all the same: news of it come later. */
  const recent: string[] = []
  const during = (): string[] => [...recent, ...[...underWay.values()].map(describe)].map((text) => text.slice(0, 400))
  const onSaid = (said: Said): void => {
    if (said.stall !== undefined) stalls.push({ ms: said.stall, during: during() })
    else if ((said.level ?? 0) >= 50)
      addFault(`logged: ${JSON.stringify(said)}\n  while under way:\n    ${during().join('\n    ')}`)
  }
  await using world = await openWorld({ database, pools }, onSaid)
  const operations = operationsOf(world.routes).filter(({ id, path }) => !only || only.test(id) || only.test(path))
  onProgress?.(`${operations.length} paths, ${hasSpec ? 'with' : 'without'} the specification beside the checkout`)
  const statuses = new Map<number, number>()
  const reached = new Set<string>()
  const memory: number[] = []
  let sent = 0
  let tending = Promise.resolve()
  let isOver = false
  const alive = (): boolean => world.child.exitCode === null && world.child.signalCode === null

  const take = (request: FuzzRequest, outcome: Outcome): void => {
    statuses.set(outcome.status, (statuses.get(outcome.status) ?? 0) + 1)
    if (outcome.status >= 200 && outcome.status < 300) {
      reached.add(request.operation.id)
      // Files are what somebody uploaded.
      if (outcome.body.startsWith('{') && !request.operation.path.includes('/media/')) {
        try {
          pools.learn(JSON.parse(outcome.body))
        } catch {
          if (outcome.body.length < 1_000_000)
            addFault(`no JSON: ${describe(request)}\n  ${outcome.body.slice(0, 300)}`)
        }
      }
    }
    if (isFault(outcome))
      addFault(`${outcome.waited ? 'no answer' : outcome.status} ${outcome.body.slice(0, 300)}\n  ${describe(request)}`)
  }
  const worker = async (): Promise<void> => {
    while (sent < requests && !isOver) {
      const number = sent++
      if (number % Math.max(1, Math.floor(requests / memorySamples)) === 0 && alive()) {
        memory.push(world.memory())
        onProgress?.(
          `${number} sent, ${faults.length} faults, ${stalls.length} stalls, ${Math.round((memory.at(-1) ?? 0) / 2 ** 20)} MiB`,
        )
      }
      if (number % tendEvery === tendEvery - 1)
        tending = tending
          .then(() => world.tend())
          .catch((error: unknown) => {
            if (alive()) addFault(`the world cannot be tended: ${String(error)}`)
          })
      const request = makeRequest({ random, pools }, operations, world.formToken())
      underWay.set(number, request)
      const outcome = await exchange(world.port, random, request, world.headersOf(request.asker))
      underWay.delete(number)
      recent.push(describe(request))
      if (recent.length > width) recent.shift()
      take(request, outcome)
      if (!alive() && !isOver) {
        isOver = true
        addFault(
          `the server is gone (${world.child.exitCode ?? world.child.signalCode}), last:\n  ${describe(request)}`,
        )
      }
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  await tending
  if (alive()) memory.push(world.memory())
  return { operations: operations.length, faults, statuses, reached, stalls, memory }
}
