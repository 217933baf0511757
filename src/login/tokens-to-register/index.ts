export {
  isRegistrationToken,
  openRegistrationTokens,
  type RegistrationTokens,
  type RegistrationTokenWish,
  takeRegistrationToken,
} from './tokens.ts'
export type { RegistrationToken } from './store.ts'
