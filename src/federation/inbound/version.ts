import { readFileSync } from 'node:fs'
import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1version */
export const versionRoute: Route = route({
  id: 'getVersion',
  method: 'GET',
  path: '/_matrix/federation/v1/version',
  auth: 'none',
  reply: Type.Object({ server: Type.Object({ name: Type.String(), version: Type.String() }) }),
  handle: () => ({ server: { name: 'Latchkey', version } }),
})
