import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'

const Place = Type.Record(Type.String(), Type.Unknown())
const Protocol = Type.Object({ protocol: Type.String() })
const base = '/_matrix/client/v3/thirdparty'

const noProtocol = (protocol: string): MatrixError => new MatrixError('M_NOT_FOUND', `This server knows no way to the network "${protocol}"`)

/**
 * Other networks and what is in them. No bridge says of itself that it leads to one.
 * @see https://spec.matrix.org/v1.19/client-server-api/#third-party-networks
 */
export const thirdPartyRoutes = (): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyprotocols */
  route({ id: 'getProtocols', method: 'GET', path: `${base}/protocols`, auth: 'user', reply: Place, handle: () => ({}) }),
  ...([['getProtocolMetadata', 'protocol'], ['queryLocationByProtocol', 'location'], ['queryUserByProtocol', 'user']] as const).map(([id, what]) => route({
    id, method: 'GET', path: `${base}/${what}/:protocol`, auth: 'user', params: Protocol, reply: Place,
    handle: ({ params }) => { throw noProtocol(params.protocol) },
  })),
  ...([['queryLocationByAlias', 'location', 'alias'], ['queryUserByID', 'user', 'userid']] as const).map(([id, what, name]) => route({
    id, method: 'GET', path: `${base}/${what}`, auth: 'user', query: Type.Object({ [name]: Type.String() }), reply: Type.Array(Place), handle: () => [],
  })),
]
