import { clientAsking } from '../client-auth.ts'
import { refresh, tokenReply } from '../sessions.ts'
import type { Grant } from './grant.ts'

/** @see https://spec.matrix.org/v1.19/client-server-api/#refresh-token-grant */
export const refreshToken: Grant = {
  type: 'refresh_token',
  exchange: async (context, request) => {
    const client = await clientAsking(context, request)
    const token = request.form.required('refresh_token')
    const { session, tokens } = await refresh(
      context,
      token,
      client?.id ?? '',
      request.form.get('scope'),
      request.trace,
    )
    return tokenReply(tokens, session.scope)
  },
}
