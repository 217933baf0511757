import type { Route } from '../http/index.ts'
import type { LoginParts } from './deps.ts'
import { mailRoutes } from './mail/index.ts'
import { accountRoutes } from './routes/account.ts'
import { identityRoutes } from './routes/identities.ts'
import { loginTokenRoutes } from './routes/login-token.ts'
import { signInRoutes } from './routes/login.ts'
import { registerRoutes } from './routes/register.ts'
import { sharedSecretRoutes } from './routes/shared-secret.ts'

/** Every endpoint of login/, but for the pages. */
export const routesOf = (context: LoginParts): Route[] => [
  ...signInRoutes(context),
  ...loginTokenRoutes(context),
  ...registerRoutes(context),
  ...accountRoutes(context),
  ...identityRoutes(context),
  ...sharedSecretRoutes(context),
  ...mailRoutes(context),
]
