export type { VerifyKey } from './answer.ts'
export { publishedKeys, type OldKey, type OwnKeys } from './own.ts'
export { openKeyRing, type FoundKeys, type KeyRing, type WantedKey } from './ring.ts'
export { keyRoutes } from './routes.ts'
