// What `latchkey doctor` looks at as other servers do: whether they find this one by its name, and whether it is this one.
import { readFileSync } from 'node:fs'
import { resolveSrv } from 'node:dns/promises'
import { federates, type Config } from '../config/index.ts'
import { createOutgoing, type OutgoingReply } from '../http/index.ts'
import { own, parseRemote, type Json } from '../matrix/json.ts'
import { outgoingProxy } from '../server/settings.ts'
import { Memory } from '../storage/index.ts'
import type { Diagnosis } from './diagnosis.ts'

const timeoutMs = 8000
const cert = ', with a certificate for its name'
const memoryBytes = 1024 * 1024

function read(reply: OutgoingReply): Json | undefined {
  try {
    return parseRemote(reply.body)
  } catch {
    return undefined
  }
}

/** Finds this server by its name as the specification says, and asks it for its keys. */
export async function* lookAtFederation(config: Config, now: () => number): AsyncGenerator<Diagnosis> {
  const { server_name: serverName, federation } = config
  const about = `other servers, ${serverName}`
  if (!federates(config)) {
    yield { state: 'ok', about: 'other servers', says: 'they are not talked to.' }
    return
  }
  const { openDiscovery } = await import('../federation/index.ts')
  await using outgoing = createOutgoing({
    allow: federation.allow_addresses,
    ...(federation.ca_file !== undefined && { ca: [readFileSync(federation.ca_file, 'utf8')] }),
    proxy: outgoingProxy(config),
  })
  const memory = new Memory(memoryBytes)
  const discovery = openDiscovery({ memory, outgoing, resolveSrv, hosts: federation.hosts, now, chance: () => 0 })
  const place = await discovery.find(serverName)
  if (!place) return
  const where = place.via ? `${place.via.host}:${place.via.port}` : place.base.replace('https://', '')
  const options = { via: place.via, headers: { host: place.host }, redirects: 0, timeoutMs }
  let says: string
  try {
    const reply = await outgoing(`${place.base}/_matrix/key/v2/server`, options)
    const named = own(read(reply), 'server_name')
    if (reply.status === 200 && named === serverName) {
      yield { state: 'ok', about, says: `they find it at ${where}, and it shows its keys.` }
      return
    }
    says = `at ${where}, where they look for it, ${reply.status === 200 ? 'is another server.' : `${reply.status} is answered.`}`
  } catch (error) {
    says = `at ${where}, where they look for it, they do not reach it: ${error instanceof Error ? error.message : String(error)}.`
  }
  yield {
    state: 'error',
    about,
    says,
    cure: `Have https://${place.host}/.well-known/matrix/server name the right host and port, and what stands there pass /_matrix on${cert}.`,
  }
}
