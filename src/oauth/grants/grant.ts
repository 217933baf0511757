import type { OAuthContext } from '../deps.ts'
import type { OAuthRequest } from '../route.ts'
import type { TokenReply } from '../sessions.ts'

/** One way to get tokens: a line of the metadata, and what the token endpoint does with that `grant_type`. */
export interface Grant {
  readonly type: string
  /** @throws OAuthError, MatrixError */
  exchange(context: OAuthContext, request: OAuthRequest): Promise<TokenReply & { readonly issued_token_type?: string }>
}
