import { authorizationCode } from './authorization-code.ts'
import { deviceCode } from './device-code.ts'
import type { Grant } from './grant.ts'
import { jwtBearer } from './jwt-bearer.ts'
import { refreshToken } from './refresh-token.ts'
import { tokenExchange } from './token-exchange.ts'

/** Every way to get tokens. A new one is a file and a word here. */
const grants: readonly Grant[] = [authorizationCode, refreshToken, deviceCode, jwtBearer, tokenExchange]

export const grantTypes: readonly string[] = grants.map(({ type }) => type)

export const grantOf = (type: string): Grant | undefined => grants.find((grant) => grant.type === type)
