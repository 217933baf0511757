import type { Config } from '../config/index.ts'
import { createLogger } from '../config/logger.ts'

/** How a running server speaks to its operator: as the log is written, so that what reads the log as JSON reads all of it. */
export interface Voice {
  /** What it does. */
  say(text: string): void
  /** What went wrong. */
  complain(text: string): void
}

const print = (stream: NodeJS.WriteStream, text: string): void => void stream.write(`${text}\n`)

/** Speaks as people read it, on standard output and standard error; or in lines of the log where that is JSON, warnings of Node and faults of ours too. */
export function voiceOf({ log }: Config): Voice {
  if (log.format === 'text')
    return { say: (text) => print(process.stdout, text), complain: (text) => print(process.stderr, text) }
  const logger = createLogger(log)
  process.removeAllListeners('warning')
  process.on('warning', (warning) => logger.warn({ err: warning }, warning.message))
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'the server ends: something failed that nothing had foreseen')
    process.exit(1)
  })
  return { say: (text) => logger.info(text), complain: (text) => logger.error(text) }
}
