export { steady } from './steady.ts'
export { backOff } from './back-off.ts'
export { openJobs, RetryAfter, type Job, type Jobs, type JobsDeps, type NewJob, type Worker } from './jobs.ts'
