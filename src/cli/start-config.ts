import { type Config, loadConfig, type Override } from '../config/index.ts'
import { configChecks } from './config-checks.ts'
import { isTryOut, tryOutConfig } from './try-out.ts'

/** The configuration that `latchkey start` runs with when it is given the same file and flags. */
export const startConfig = async (file: string | undefined, flags: readonly Override[]): Promise<Config> => {
  const loaded = await loadConfig({ file, flags, env: process.env, cwd: process.cwd(), checks: configChecks })
  return isTryOut(loaded.config, loaded.file) ? tryOutConfig(loaded.config) : loaded.config
}
