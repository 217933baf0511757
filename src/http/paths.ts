import type { Route } from './route.ts'

const old = /^\/_matrix\/(client|media)\/r0\//

/** Turns an `r0` target into the `v3` one that it stands for: each `v3` endpoint is one route, whichever way it is called. */
export function modernTarget(target: string): string {
  return old.test(target) ? target.replace('/r0/', '/v3/') : target
}

/** The path of a request target, without query: as it came, still percent-encoded. */
export function rawPath(target: string): string {
  const start = target.charCodeAt(0) === 47 ? 0 : target.indexOf('/', target.indexOf('://') + 3)
  const end = target.indexOf('?', start)
  return end === -1 ? target.slice(start) : target.slice(start, end)
}

const vague = (value: string): boolean => value === '' || value === '.' || value === '..' || value.includes('\0')

/**
 * Whether a request really spells the path it was matched to. The router decodes before it compares and lets parameters be
 * empty; a proxy in front, whose rules see the raw path, must never be of another opinion than we are.
 */
export function exactMatcher(pattern: string): (target: string, params: Readonly<Record<string, string>>) => boolean {
  const wanted = pattern.split('/')
  return (target, params) => {
    for (const name in params) if (vague(params[name] ?? '')) return false
    if (target.includes('#')) return false
    if (!target.includes('%')) return true
    const path = rawPath(target)
    if (!path.includes('%')) return true
    const given = path.split('/')
    return (
      given.length === wanted.length && wanted.every((part, index) => part.startsWith(':') || part === given[index])
    )
  }
}

/** Finds out which methods a path has, for the difference between 404 and 405. Built when first asked. */
export function methodTable(routes: readonly Route[]): (target: string) => string[] {
  type Entry = { parts: string[]; method: string }
  let table: Map<number, Entry[]> | undefined
  const build = (): Map<number, Entry[]> =>
    Map.groupBy(
      routes.flatMap((route) =>
        [route.path, ...route.paths].map((path) => ({ parts: path.split('/'), method: route.method })),
      ),
      (entry) => entry.parts.length,
    )
  return (target) => {
    table ??= build()
    const given = rawPath(target).split('/')
    const methods = (table.get(given.length) ?? [])
      .filter(({ parts }) =>
        parts.every((part, index) => (part.startsWith(':') ? !vague(given[index] ?? '') : part === given[index])),
      )
      .map((entry) => entry.method)
    return [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))]
  }
}
