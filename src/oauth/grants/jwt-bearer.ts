import type { Grant } from './grant.ts'
import { exchangeProviderToken } from './provider-token.ts'

/** A token of an identity provider, or of the operator's own backend, as an assertion. @see https://datatracker.ietf.org/doc/html/rfc7523#section-2.1 */
export const jwtBearer: Grant = {
  type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  exchange: (context, request) => exchangeProviderToken(context, request, request.form.required('assertion')),
}
