import { closedLoop, each, row } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import type { Target } from '../target.ts'

const users = 1000

/** Requests of this many different users, made beforehand: signing the tokens is not the server's work. */
function requests(target: Target, prefix: string, count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => target.loginRequest(`${prefix}-${index}`)).filter(
    (request) => request !== undefined,
  )
}

export const logins: Scenario = {
  name: 'logins',
  about: 'sign-ins by JWT',
  run: async (target) => {
    const known = requests(target, 'login', users)
    if (!known.length) return []
    const { duration } = target.options
    const loop = async (
      connections: number,
      list: Buffer[],
      seconds: number,
      cold = false,
    ): ReturnType<typeof closedLoop> => {
      let turn = 0
      return await closedLoop(target, {
        connections: target.connect(connections),
        seconds,
        cold,
        next: () => list[turn++ % list.length] ?? Buffer.alloc(0),
      })
    }
    await each(known, 8, async (request) => {
      const [connection] = target.connect(1)
      await connection?.exchange(request)
      connection?.close()
    })
    const one = await loop(1, known, duration)
    const ten = await loop(10, known, duration)
    const newcomers = requests(target, 'newcomer', 30_000)
    const fresh = await loop(10, newcomers, Math.min(duration, 5), true)
    return [
      row('logins', 'known users, 1 connection', one, { rate: true }),
      row('logins', 'known users, 10 connections', ten, { rate: true }),
      row('logins', 'new users, 10 connections', fresh, {
        rate: true,
        ...(fresh.values.length > newcomers.length ? { note: 'more sign-ins than new users: some were known' } : {}),
      }),
    ]
  },
}
