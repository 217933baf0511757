import { Type } from 'typebox'
import { accessToken, Reply, route, type Route, type RouteHandlerContext } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isObject, type JsonObject, own, parseStrict } from '../../matrix/json.ts'
import { isSameSecret } from '../../sessions/index.ts'
import { ScimError, notFound } from './error.ts'
import { parseFilter } from './filter.ts'
import { createGroup, patchGroup, removeGroup, replaceGroup, showGroup } from './groups.ts'
import { listGroups, listOf, type ListRequest, listUsers, pageOf } from './list.ts'
import { projected, projectionOf, wants } from './project.ts'
import { type ScimDeps, type ScimProvider, scimProvider } from './provider.ts'
import { resourceTypes, schemas, serviceProviderConfig } from './schemas.ts'
import { scimSettings } from './settings.ts'
import { createUser, patchUser, removeUser, replaceUser, showUser } from './users.ts'

/** A request of a provider that has shown who it is. */
interface ScimRequest {
  readonly provider: ScimProvider
  /** What the path names; empty where it names nothing. */
  readonly id: string
  readonly query: Readonly<Record<string, unknown>>
  readonly body: () => Promise<JsonObject>
  /** If-Match. */
  readonly expected: string | undefined
  readonly origin: { readonly ip: string; readonly trace: string }
}

/** What is answered: a resource or a list, and whether it is new. */
type Answer = { readonly status?: number; readonly resource?: JsonObject }

const largestBody = 4 * 1024 * 1024
const type = 'application/scim+json; charset=utf-8'

const respond = (status: number, body: object | undefined, headers: Record<string, string> = {}): Reply =>
  new Reply({
    status,
    headers: { ...(body && { 'content-type': type }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  })

const asScim = (error: MatrixError): ScimError => {
  switch (error.errcode) {
    case 'M_USER_IN_USE':
    case 'M_EXCLUSIVE':
      return new ScimError(409, error.message, 'uniqueness')
    case 'M_FORBIDDEN':
      return new ScimError(409, error.message, 'uniqueness')
    case 'M_NOT_JSON':
    case 'M_BAD_JSON':
      return new ScimError(400, error.message, 'invalidSyntax')
    case 'M_INVALID_USERNAME':
    case 'M_INVALID_PARAM':
      return new ScimError(400, error.message, 'invalidValue')
    default:
      return new ScimError(error.status, error.message)
  }
}

const readBody = async (body: AsyncIterable<Uint8Array>): Promise<JsonObject> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  const value = parseStrict(Buffer.concat(chunks))
  if (!isObject(value)) throw new ScimError(400, 'The body must be an object', 'invalidSyntax')
  return value
}

const one = (query: Readonly<Record<string, unknown>>, name: string): string | undefined => {
  // The names of parameters are matched as they are written in the RFC, and in small letters, as some send them.
  const value = own(query, name) ?? own(query, name.toLowerCase())
  return typeof value === 'string' ? value : undefined
}

const number = (query: Readonly<Record<string, unknown>>, name: string): number | undefined => {
  const text = one(query, name)
  if (text === undefined) return undefined
  if (!/^-?\d{1,9}$/.test(text)) throw new ScimError(400, `"${name}" must be a whole number`, 'invalidValue')
  return Number(text)
}

const listRequest = (query: Readonly<Record<string, unknown>>): ListRequest => {
  const filter = one(query, 'filter')
  return {
    filter: filter === undefined || filter === '' ? undefined : parseFilter(filter),
    ...pageOf(number(query, 'startIndex'), number(query, 'count')),
    projection: projectionOf(one(query, 'attributes'), one(query, 'excludedAttributes')),
  }
}

/** The resource as far as it is wanted, with its version. */
const finish = (
  { status = 200, resource }: Answer,
  query: Readonly<Record<string, unknown>>,
  known: string | undefined,
): Reply => {
  if (!resource) return respond(204, undefined)
  const { version, location } = (isObject(resource['meta']) ? resource['meta'] : {}) as {
    version?: string
    location?: string
  }
  const headers = {
    ...(version !== undefined && { etag: version }),
    ...(status === 201 && location !== undefined && { location }),
  }
  if (version !== undefined && known !== undefined && known.split(',').some((tag) => tag.trim() === version))
    return respond(304, undefined, headers)
  const isList = 'Resources' in resource
  return respond(
    status,
    isList ? resource : projected(resource, projectionOf(one(query, 'attributes'), one(query, 'excludedAttributes'))),
    headers,
  )
}

/** Every endpoint of SCIM. @see https://www.rfc-editor.org/rfc/rfc7644#section-3.2 */
export const scimRoutes = (deps: ScimDeps): Route[] => {
  const providers = scimSettings(deps.config).settings.map((settings) => scimProvider(deps, settings))

  /** @throws ScimError 401, the same whether or not there is such a provider */
  const identify = ({ params, headers, ip }: RouteHandlerContext<'none', Record<string, string>>): ScimProvider => {
    const provider = providers.find(({ id }) => id === params['provider'])
    const token = accessToken(headers.authorization, {}, false) ?? ''
    // Each is compared, so that the time says nothing of which there are.
    const isRight = provider?.settings.tokens.map((known) => isSameSecret(known, token)).includes(true) ?? false
    if (provider && isRight) return provider
    deps.sessions.failures.badToken(ip)
    deps.logger.info(
      { provider: provider?.id, code: 'scim_token' },
      'a SCIM request was refused: it does not bring the token of the provider',
    )
    throw new ScimError(401, 'This needs the token of the provider')
  }

  const endpoint = (
    id: string,
    method: Route['method'],
    path: string,
    handle: (request: ScimRequest) => Promise<Answer> | Answer,
  ): Route =>
    route({
      id,
      method,
      path: `/_latchkey/scim/v2/:provider${path}`,
      auth: 'none',
      limit: 'own',
      rawBody: true,
      bodyLimit: largestBody,
      reply: Type.Object({}),
      handle: async (request) => {
        const { params, query, headers, ip, trace, body } = request
        try {
          const provider = identify(request)
          const read = (): Promise<JsonObject> => readBody(body)
          const answer = await handle({
            provider,
            id: params['id'] ?? '',
            query,
            body: read,
            expected: headers['if-match'],
            origin: { ip, trace },
          })
          return finish(answer, query, method === 'GET' ? headers['if-none-match'] : undefined)
        } catch (error) {
          const refusal = error instanceof MatrixError ? asScim(error) : error
          if (!(refusal instanceof ScimError)) throw error
          const wait = error instanceof MatrixError ? error.retryAfterMs : undefined
          return respond(refusal.status, refusal.body(), {
            ...(refusal.status === 401 && { 'www-authenticate': 'Bearer' }),
            ...(wait !== undefined && { 'retry-after': String(Math.max(1, Math.ceil(wait / 1000))) }),
          })
        }
      },
    })

  const plain = (list: (base: string) => JsonObject[], id: string, base: string, what: string): JsonObject => {
    const found = list(base).find((resource) => resource['id'] === id)
    if (!found) throw notFound(what)
    return found
  }

  return [
    endpoint('scimConfig', 'GET', '/ServiceProviderConfig', ({ provider: { base } }) => ({
      resource: serviceProviderConfig(base),
    })),
    endpoint('scimResourceTypes', 'GET', '/ResourceTypes', ({ provider: { base } }) => ({
      resource: listOf(2, 1, resourceTypes(base)),
    })),
    endpoint('scimResourceType', 'GET', '/ResourceTypes/:id', ({ provider: { base }, id }) => ({
      resource: plain(resourceTypes, id, base, 'resource type'),
    })),
    endpoint('scimSchemas', 'GET', '/Schemas', ({ provider: { base } }) => ({ resource: listOf(3, 1, schemas(base)) })),
    endpoint('scimSchema', 'GET', '/Schemas/:id', ({ provider: { base }, id }) => ({
      resource: plain(schemas, id, base, 'schema'),
    })),

    endpoint('scimUsers', 'GET', '/Users', async ({ provider, query }) => ({
      resource: await listUsers(provider, listRequest(query)),
    })),
    endpoint('scimCreateUser', 'POST', '/Users', async ({ provider, body, origin }) => ({
      status: 201,
      resource: await createUser(provider, await body(), origin),
    })),
    endpoint('scimUser', 'GET', '/Users/:id', async ({ provider, id }) => ({ resource: await showUser(provider, id) })),
    endpoint('scimReplaceUser', 'PUT', '/Users/:id', async ({ provider, id, body, expected, origin }) => ({
      resource: await replaceUser(provider, id, await body(), expected, origin),
    })),
    endpoint('scimPatchUser', 'PATCH', '/Users/:id', async ({ provider, id, body, expected, origin }) => ({
      resource: await patchUser(provider, id, await body(), expected, origin),
    })),
    endpoint('scimDeleteUser', 'DELETE', '/Users/:id', async ({ provider, id, expected, origin }) => {
      await removeUser(provider, id, expected, origin)
      return {}
    }),

    endpoint('scimGroups', 'GET', '/Groups', async ({ provider, query }) => ({
      resource: await listGroups(provider, listRequest(query)),
    })),
    endpoint('scimCreateGroup', 'POST', '/Groups', async ({ provider, body, origin }) => ({
      status: 201,
      resource: await createGroup(provider, await body(), origin),
    })),
    endpoint('scimGroup', 'GET', '/Groups/:id', async ({ provider, id, query }) => {
      const projection = projectionOf(one(query, 'attributes'), one(query, 'excludedAttributes'))
      return { resource: await showGroup(provider, id, wants(projection, 'members')) }
    }),
    endpoint('scimReplaceGroup', 'PUT', '/Groups/:id', async ({ provider, id, body, expected, origin }) => {
      await replaceGroup(provider, id, await body(), expected, origin)
      return { resource: await showGroup(provider, id, true) }
    }),
    // A group may be large: a change of it is answered without it.
    endpoint('scimPatchGroup', 'PATCH', '/Groups/:id', async ({ provider, id, body, expected, origin }) => {
      await patchGroup(provider, id, await body(), expected, origin)
      return {}
    }),
    endpoint('scimDeleteGroup', 'DELETE', '/Groups/:id', async ({ provider, id, expected, origin }) => {
      await removeGroup(provider, id, expected, origin)
      return {}
    }),
  ]
}
