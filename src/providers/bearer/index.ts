export { type Bearer, createBearer, type EndedTokens } from './bearer.ts'
export { openRevocations } from './revocations.ts'
