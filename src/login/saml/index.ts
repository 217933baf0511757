export { samlChecks } from './checks.ts'
export { ownEntityId, samlProvider, type SamlConfig } from './saml.ts'
export { useOnceIn } from './store.ts'
