export { samlChecks } from './checks.ts'
export { explainResponse } from './explain.ts'
export { ownEntityId, samlProvider, type SamlConfig } from './saml.ts'
export { useOnceIn } from './store.ts'
