export { loadRegistrations, registrationChecks } from './registrations.ts'
