import type { Route } from '../http/index.ts'
import type { LoginContext } from './deps.ts'
import { mailRoutes } from './mail/index.ts'
import { accountRoutes } from './routes/account.ts'
import { identityRoutes } from './routes/identities.ts'
import { signInRoutes } from './routes/login.ts'
import { registerRoutes } from './routes/register.ts'
import { sessionRoutes } from '../sessions/routes.ts'
import { sharedSecretRoutes } from './routes/shared-secret.ts'
import { scimRoutes } from './scim/index.ts'
import { webRoutes } from './sso/index.ts'

/** Every endpoint of login/. */
export const routesOf = (context: LoginContext): Route[] => [
  ...signInRoutes(context),
  ...sessionRoutes(context),
  ...registerRoutes(context),
  ...accountRoutes(context),
  ...identityRoutes(context),
  ...sharedSecretRoutes(context),
  ...webRoutes(context),
  ...mailRoutes(context),
  ...scimRoutes(context),
]
