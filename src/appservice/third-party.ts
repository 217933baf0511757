import { OutgoingError } from '../http/index.ts'
import { isObject, own, type Json, type JsonObject } from '../matrix/json.ts'
import type { Appservices } from './appservices.ts'
import type { Answer } from './client.ts'
import { fitsAny, isReachable, type Service } from './services.ts'

/** Other networks and what is in them, as the services that lead there tell. */
export interface ThirdParties {
  /** All protocols, by name. */
  protocols(): Promise<Record<string, JsonObject>>
  /** Undefined: no service leads there. */
  protocol(name: string): Promise<JsonObject | undefined>
  /** Places or people of a protocol that fit the fields; undefined: no service leads there. */
  search(
    what: 'location' | 'user',
    protocol: string,
    fields: Readonly<Record<string, string>>,
  ): Promise<JsonObject[] | undefined>
  /** Where an alias of ours leads to in other networks. */
  ofAlias(alias: string): Promise<JsonObject[]>
  /** Who a user of ours is in other networks. */
  ofUser(userId: string): Promise<JsonObject[]>
}

type Reachable = Service & { readonly url: string }

const timeoutMs = 10_000
/** What a service says of its protocols is asked for again after so long. */
const keptForMs = 5 * 60_000

const texts = (value: Json | undefined): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '')

/** A protocol as a service describes it, brought into the specification's form; its instances get ids that lists of rooms know them by. */
function protocolOf(service: Service, json: Json | undefined): JsonObject | undefined {
  if (!isObject(json)) return undefined
  const types = own(json, 'field_types')
  const fieldTypes = Object.entries(isObject(types) ? types : {}).flatMap(([name, type]): Array<[string, JsonObject]> =>
    isObject(type) ? [[name, { regexp: text(own(type, 'regexp')), placeholder: text(own(type, 'placeholder')) }]] : [],
  )
  const instances = own(json, 'instances')
  return {
    user_fields: texts(own(json, 'user_fields')),
    location_fields: texts(own(json, 'location_fields')),
    icon: text(own(json, 'icon')),
    field_types: Object.fromEntries(fieldTypes),
    instances: (Array.isArray(instances) ? instances : []).flatMap((instance): JsonObject[] => {
      const [network, fields, icon] = [own(instance, 'network_id'), own(instance, 'fields'), own(instance, 'icon')]
      if (typeof network !== 'string') return []
      return [
        {
          network_id: network,
          desc: text(own(instance, 'desc')),
          fields: isObject(fields) ? fields : {},
          ...(typeof icon === 'string' && { icon }),
          instance_id: instanceId(service.id, network),
        },
      ]
    }),
  }
}

/** Names a network of a service in lists of rooms. */
export const instanceId = (service: string, network: string): string => `${service}|${network}`

/** The first says what the protocol is like; of the others the instances are added. */
function merge(parts: readonly JsonObject[]): JsonObject | undefined {
  const [first] = parts
  return first && { ...first, instances: parts.flatMap((part) => own(part, 'instances') as JsonObject[]) } // as protocolOf makes it
}

const entriesOf = (what: 'location' | 'user', json: Json | undefined): JsonObject[] =>
  (Array.isArray(json) ? json : []).flatMap((entry): JsonObject[] => {
    const name = what === 'location' ? 'alias' : 'userid'
    const [id, protocol, fields] = [own(entry, name), own(entry, 'protocol'), own(entry, 'fields')]
    return typeof id === 'string' && typeof protocol === 'string' && isObject(fields)
      ? [{ [name]: id, protocol, fields }]
      : []
  })

/** @see https://spec.matrix.org/v1.19/application-service-api/#third-party-networks */
export function openThirdParties({ all, ask }: Pick<Appservices, 'all' | 'ask'>, now: () => number): ThirdParties {
  const reachable = all.filter(isReachable)
  const known = new Map<string, { protocol: JsonObject | undefined; until: number }>()

  /** Undefined when there is no good answer: one service that is away must not hide the others. */
  const get = async (service: Reachable, path: string): Promise<Answer | undefined> => {
    try {
      const answer = await ask(service, {
        method: 'GET',
        path: `/thirdparty${path}`,
        legacyPath: `/_matrix/app/unstable/thirdparty${path}`,
        timeoutMs,
      })
      return answer.status === 200 ? answer : undefined
    } catch (error) {
      if (error instanceof OutgoingError) return undefined
      throw error
    }
  }
  const describe = async (service: Reachable, name: string): Promise<JsonObject | undefined> => {
    const key = JSON.stringify([service.id, name])
    const kept = known.get(key)
    if (kept && kept.until > now()) return kept.protocol
    const protocol = protocolOf(service, (await get(service, `/protocol/${encodeURIComponent(name)}`))?.json)
    if (protocol) known.set(key, { protocol, until: now() + keptForMs })
    return protocol ?? kept?.protocol
  }
  const leadingTo = (protocol: string): Reachable[] => reachable.filter(({ protocols }) => protocols.includes(protocol))
  const protocol = async (name: string): Promise<JsonObject | undefined> =>
    merge(
      (await Promise.all(leadingTo(name).map((service) => describe(service, name)))).filter(
        (part) => part !== undefined,
      ),
    )
  const collect = async (
    what: 'location' | 'user',
    services: readonly Reachable[],
    path: string,
  ): Promise<JsonObject[]> =>
    (await Promise.all(services.map((service) => get(service, path)))).flatMap((answer) =>
      entriesOf(what, answer?.json),
    )

  return {
    protocol,
    protocols: async () => {
      const names = [...new Set(reachable.flatMap(({ protocols }) => protocols))]
      const found = await Promise.all(names.map(async (name) => [name, await protocol(name)] as const))
      return Object.fromEntries(found.flatMap(([name, one]) => (one ? [[name, one] as const] : [])))
    },
    search: async (what, name, fields) => {
      const services = leadingTo(name)
      const query = new URLSearchParams(fields).toString()
      return services.length === 0
        ? undefined
        : collect(what, services, `/${what}/${encodeURIComponent(name)}${query && `?${query}`}`)
    },
    ofAlias: (alias) =>
      collect(
        'location',
        reachable.filter(({ aliases }) => fitsAny(aliases, alias)),
        `/location?${new URLSearchParams({ alias }).toString()}`,
      ),
    ofUser: (userid) =>
      collect(
        'user',
        reachable.filter((service) => service.covers(userid)),
        `/user?${new URLSearchParams({ userid }).toString()}`,
      ),
  }
}
