import { parseArgs } from 'node:util'
import { isAtHome, loadConfig, readFlags, type Config, type Loaded } from '../config/index.ts'
import { configChecks } from './config-checks.ts'
import { giveBackStartMemory } from './give-back.ts'
import { serveControl } from './control.ts'
import { refusal } from './refusal.ts'
import { isTryOut, signHs256, tryOutConfig } from './try-out.ts'
import { voiceOf } from './voice.ts'

export const help = `latchkey start [--config FILE] [SETTINGS]

Starts the homeserver. Without a file it is a try-out: on 127.0.0.1:8008, with its data in ./data, and with a generated secret that
tokens are signed with; the terminal shows one, and a command that signs in with it.
Settings can be given as flags: --listen 0.0.0.0:8008, --server-name example.org, --set jwt_config.enabled=true.
SIGTERM and SIGINT (Ctrl+C) stop it.

  --config FILE       the YAML file; else the one that LATCHKEY_CONFIG names. "latchkey config example" prints one
  --new-signing-key   make a new key for events although the old one is lost: without it a start refuses to`

const tryOutUser = 'alice'
/** In seconds: a day to try it in. */
const tokenLifetime = 24 * 60 * 60

export const run = async (args: readonly string[]): Promise<number> => {
  const { file: named, flags, rest } = readFlags(args)
  const { values } = parseArgs({ args: [...rest], options: { 'new-signing-key': { type: 'boolean', default: false } } })
  const read = (): Promise<Loaded> =>
    loadConfig({ file: named, flags, env: process.env, cwd: process.cwd(), checks: configChecks })
  const loaded = await read()
  const voice = voiceOf(loaded.config)
  // What is made here is for this account alone: the database holds what people say to each other.
  process.umask(0o077)
  const tryOut = isTryOut(loaded.config, loaded.file)
  let config = loaded.config
  const { Running } = await import('./running.ts')
  let stop = (): void => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  // The end of a terminal is no end of the server.
  let reload = (): void => {}
  process.on('SIGHUP', () => reload())
  // Whoever started it by a channel, as `bin/latchkey` does, and is gone without having said so.
  process.once('disconnect', stop)
  try {
    if (tryOut) config = tryOutConfig(config)
    const readAnew = async (): Promise<Config> => {
      const { config: next, file } = await read()
      return isTryOut(next, file) ? tryOutConfig(next) : next
    }
    await using running = await Running.start(config, readAnew, { newSigningKey: values['new-signing-key'] })
    await using _control = await serveControl(config, running.operator)
    reload = () => void running.reload().then(voice.say, (error: unknown) => voice.complain(notTaken(error, config)))
    voice.say(tryOut ? tryOutText(config, running.urls[0] ?? '') : runningText(config, running.urls))
    giveBackStartMemory()
    await stopped
  } catch (error) {
    const sentence = refusal(error, config)
    if (sentence === undefined) throw error
    voice.complain(sentence)
    return 1
  } finally {
    // A listener is what keeps the channel open, and with it the process.
    process.off('disconnect', stop)
  }
  return 0
}

/** What came of a configuration that could not be taken. */
const notTaken = (error: unknown, config: Config): string => {
  const sentence = refusal(error, config) ?? (error instanceof Error ? error.message : String(error))
  return `The configuration was not taken, and all goes on as it was. ${sentence}`
}

const runningText = (config: Config, urls: readonly string[]): string =>
  `Latchkey serves ${config.server_name} on ${urls.join(', ')}`

/** What to do next, with a command that works when it is pasted. */
function tryOutText(config: Config, url: string): string {
  const token = signHs256(config.jwt_config.secret ?? '', {
    sub: tryOutUser,
    exp: Math.floor(Date.now() / 1000) + tokenLifetime,
  })
  return `Latchkey is running on ${url} as "${config.server_name}", with its data in ${config.data_dir}.

This is a token for the user "${tryOutUser}", signed with the secret in ${config.data_dir}/jwt-secret:

  ${token}

Sign in with it, as your own backend's users will:

  curl -s ${url}/_matrix/client/v3/login -d '{"type":"org.matrix.login.jwt","token":"${token}"}'

${
  isAtHome(config)
    ? `A chat in the browser, for two:   ${url}
`
    : ''
}A token for somebody else:        npx latchkey auth sign --sub bob
What a token says, and to whom:   npx latchkey auth explain TOKEN
Settings of your own:             npx latchkey config example > latchkey.yaml
                                  npx latchkey start --config latchkey.yaml --data-dir my-server`
}
