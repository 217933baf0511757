export { openMail, type Mail, type MailDeps } from './sender.ts'
export { mailRoutes } from './routes.ts'
export { addEmail, deleteEmailsOf } from './store.ts'
export { emailStage, type Proof } from './validations.ts'
