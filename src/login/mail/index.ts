export { parseAddress } from './address.ts'
export { openMail, type Mail, type MailDeps } from './sender.ts'
export { type MailRouteDeps, mailRoutes } from './routes.ts'
export type { Message } from './message.ts'
export {
  emailStage,
  type Proof,
  type ProofDeps,
  proofIn,
  requestValidation,
  type ValidationDeps,
} from './validations.ts'
