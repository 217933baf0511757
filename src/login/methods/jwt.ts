import { own } from '../../matrix/json.ts'
import type { Method, MethodDeps } from './method.ts'

const deprecated = 'm.login.jwt'
/** Those who have been told of the old name. */
const told = new WeakSet<MethodDeps>()

/** Sign-in with a token of the operator's own backend or identity provider. An unknown user is created. */
export const jwt: Method = {
  types: ['org.matrix.login.jwt', deprecated],
  guessable: false,
  enabled: ({ providers }) => providers.takesTokens,
  verify: (context, body, origin) => {
    if (own(body, 'type') === deprecated && !told.has(context)) {
      told.add(context)
      context.logger.warn(
        { trace: origin.trace },
        `a client signs in by the deprecated type ${deprecated}; it works, but should be org.matrix.login.jwt (said once)`,
      )
    }
    return context.providers.verifyToken(own(body, 'token'), origin)
  },
}
